"""The debs of cuDNN since 9.14 as NVIDIA packs them: headers and static archives in packages of their own, plain links.

From public reports: ``dpkg -L`` of 9.10 shows ``cudnn.h`` and ``libcudnn.so`` as links in the packages, where
``update-alternatives`` made them before; ``libcudnn9-headers-cuda-N`` came with it, and the development package needs
it in the same version. The development package's ``preinst`` takes back the alternatives that an older one has left.
No package triggers ldconfig. Packages for two CUDAs hold the same paths, so they exclude each other. What Breaks,
Conflicts and Replaces say in NVIDIA's own is not public: these say what follows from the above.
"""

from __future__ import annotations

import gzip

from simulator.cudnn import CudnnRelease, Parts, parts
from simulator.debs import ARCH, Deb, deb_version, simple_deb
from simulator.samples import sample_files

_PREINST = """#!/bin/sh
set -e
if [ "$1" = install ] || [ "$1" = upgrade ]; then
    update-alternatives --remove-all libcudnn >/dev/null 2>&1 || true
fi
exit 0
"""
_OTHER = {"12": "13", "13": "12"}


def debs_today(release: CudnnRelease) -> list[Deb]:
    """Return what the debs of ``release`` hold: runtime, development, headers, static archives, samples, and all."""
    made, version = parts(release), deb_version(release)
    runtime = _deb(release, "", "cuDNN runtime libraries", _runtime(made))
    development = _deb(release, "-dev", "cuDNN development libraries", _links(made))
    headers = _deb(release, "-headers", "cuDNN header files", _headers(made))
    static = _deb(release, "-static", "cuDNN static libraries", _statics(made))
    needed = [f"{one.fields['Package']} (= {version})" for one in (runtime, headers)]
    development.fields["Depends"] = ", ".join(needed)
    development.scripts["preinst"] = _PREINST
    static.fields["Depends"] = f"{development.fields['Package']} (= {version})"
    runtime.fields["Provides"] = "libcudnn9"
    for one in (headers, static):
        moved = f"{development.fields['Package']} (<< 9.10)"
        one.fields["Breaks"] = one.fields["Replaces"] = moved
    return [runtime, development, headers, static, _samples(release), _meta(release, (static, development, runtime))]


def _deb(release: CudnnRelease, part: str, summary: str, files: dict[str, bytes | str]) -> Deb:
    name, other = (f"libcudnn9{part}-cuda-{cuda}" for cuda in (release.cuda_major, _OTHER[release.cuda_major]))
    description = f"{summary}\n Stand-in files for tests of cuDNN packaging."
    deb = simple_deb(
        name, deb_version(release), ARCH[release.machine][0], Source="cudnn", Multi_Arch="same", Conflicts=other,
        Homepage="https://developer.nvidia.com/cudnn", Description=description,
    )  # fmt: skip
    deb.files = {**files, **_documents(release, name)}
    return deb


def _documents(release: CudnnRelease, name: str) -> dict[str, bytes | str]:
    changelog = f"{name} ({deb_version(release)}) unstable; urgency=low\n\n  * Stand-in.\n"
    return {
        f"/usr/share/doc/{name}/changelog.Debian.gz": gzip.compress(changelog.encode(), mtime=0),
        f"/usr/share/doc/{name}/copyright": parts(release).licence,
    }


def _lib(made: Parts) -> str:
    return f"/usr/lib/{ARCH[made.release.machine][1]}"


def _runtime(made: Parts) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        files[f"{_lib(made)}/{stem}.so.9"] = full
        files[f"{_lib(made)}/{full}"] = data
    return files


def _links(made: Parts) -> dict[str, bytes | str]:
    return {f"{_lib(made)}/{stem}.so": f"{stem}.so.9" for stem in made.stems}


def _headers(made: Parts) -> dict[str, bytes | str]:
    folder, files = f"/usr/include/{ARCH[made.release.machine][1]}", dict[str, bytes | str]()
    for stem, text in made.headers.items():
        files[f"{folder}/{stem}_v9.h"] = text
        files[f"{folder}/{stem}.h"] = f"{stem}_v9.h"
    return files


def _statics(made: Parts) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for stem, data in made.statics.items():
        files[f"{_lib(made)}/{stem}_static_v9.a"] = data
        files[f"{_lib(made)}/{stem}_static.a"] = f"{stem}_static_v9.a"
    return files


def _samples(release: CudnnRelease) -> Deb:
    name = "libcudnn9-samples"
    deb = simple_deb(name, deb_version(release), "all", Source="cudnn", Description="cuDNN samples\n Stand-in.")
    deb.files = {**sample_files(release), **_documents(release, name)}
    return deb


def _meta(release: CudnnRelease, needed: tuple[Deb, ...]) -> Deb:
    depends = ", ".join(f"{one.fields['Package']} (>= {release.version})" for one in needed)
    return simple_deb(
        f"cudnn9-cuda-{release.cuda_major}", f"{release.short}-1", ARCH[release.machine][0], Depends=depends
    )
