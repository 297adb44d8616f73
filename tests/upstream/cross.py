"""Describes stand-in cross packages: libraries of another machine for all machines to build against.

Named and laid out as NVIDIA's ``libcudnn8-cross-sbsa`` and ``libcudnn9-cross-aarch64-cuda-12``; those for QNX are
handed out with other products and follow the same pattern.
"""

from __future__ import annotations

from tests.upstream.cudnn import CudnnRelease, parts
from tests.upstream.debs import Deb, deb_version, simple_deb

FOLDERS = {"sbsa": "sbsa-linux", "aarch64": "aarch64-linux", "qnx": "aarch64-qnx"}


def cross_name(release: CudnnRelease, target: str) -> str:
    """Return the name of the cross package of a release for ``sbsa``, ``aarch64`` or ``qnx``."""
    base = f"libcudnn{release.major}-cross-{target}"
    return f"{base}-cuda-{release.cuda_major}" if release.major >= 9 else base


def target_folder(release: CudnnRelease, target: str) -> str:
    """Return the folder its files go to."""
    return f"/usr/local/cuda-{release.cuda_full}/targets/{FOLDERS[target]}"


def cross_deb(release: CudnnRelease, target: str) -> Deb:
    """Return the cross package of a release."""
    made, folder = parts(release), target_folder(release, target)
    deb = simple_deb(cross_name(release, target), deb_version(release), "all", Description=f"Cross {target} cuDNN")
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        soname = f"{stem}.so.{release.major}"
        deb.files |= {f"{folder}/lib/{full}": data, f"{folder}/lib/{soname}": full, f"{folder}/lib/{stem}.so": soname}
    deb.files |= {f"{folder}/include/{stem}.h": text for stem, text in made.headers.items()}
    return deb
