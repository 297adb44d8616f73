"""Describes stand-in cross packages: libraries of another machine for all machines to build against.

Named and laid out as NVIDIA's ``libcudnn8-cross-sbsa`` and ``libcudnn9-cross-aarch64-cuda-12``; those for QNX are
handed out with other products and follow the same pattern. DRIVE OS has headers in a package of their own
(``libcudnn7-dev-cross-aarch64``): :func:`split_cross_debs`.
"""

from __future__ import annotations

from simulator.cudnn import CudnnRelease, parts
from simulator.debs import Deb, deb_version, simple_deb

FOLDERS = {"sbsa": "sbsa-linux", "aarch64": "aarch64-linux", "qnx": "aarch64-qnx"}


def cross_name(release: CudnnRelease, target: str) -> str:
    """Return the name of the cross package of a release for ``sbsa``, ``aarch64`` or ``qnx``."""
    base = f"libcudnn{release.major}-cross-{target}"
    return f"{base}-cuda-{release.cuda_major}" if release.major >= 9 else base


def target_folder(release: CudnnRelease, target: str) -> str:
    """Return the folder its files go to."""
    return f"/usr/local/cuda-{release.cuda_full}/targets/{FOLDERS[target]}"


def split_cross_debs(release: CudnnRelease, target: str) -> tuple[Deb, Deb]:
    """Return runtime and development package of a release; headers and archives have their version in the name."""
    made, folder = parts(release), target_folder(release, target)
    both = []
    for name in (cross_name(release, target), cross_name(release, target).replace("-cross-", "-dev-cross-")):
        deb = simple_deb(name, deb_version(release), "all", Description=f"Cross {target} cuDNN")
        deb.files[f"/usr/share/doc/{name}/copyright"] = made.licence
        both.append(deb)
    runtime, development = both
    development.fields["Depends"] = f"{runtime.fields['Package']} (= {deb_version(release)})"
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        runtime.files |= {f"{folder}/lib/{full}": data, f"{folder}/lib/{stem}.so.{release.major}": full}
    major = release.major
    development.files |= {f"{folder}/include/{one}_v{major}.h": text for one, text in made.headers.items()}
    development.files |= {f"{folder}/lib/{one}_static_v{major}.a": data for one, data in made.statics.items()}
    return runtime, development


def cross_meta(release: CudnnRelease, target: str) -> Deb:
    """Return ``cudnn9-cross-aarch64``, which holds nothing and depends on the package that does."""
    need = f"{cross_name(release, target)} (>= {release.version})"
    return simple_deb(f"cudnn{release.major}-cross-{target}", f"{release.short}-1", "all", Depends=need)


def cross_deb(release: CudnnRelease, target: str) -> Deb:
    """Return the cross package of a release."""
    made, folder = parts(release), target_folder(release, target)
    deb = simple_deb(cross_name(release, target), deb_version(release), "all", Description=f"Cross {target} cuDNN")
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        soname = f"{stem}.so.{release.major}"
        deb.files |= {f"{folder}/lib/{full}": data, f"{folder}/lib/{soname}": full, f"{folder}/lib/{stem}.so": soname}
    deb.files |= {f"{folder}/include/{stem}.h": text for stem, text in made.headers.items()}
    return deb
