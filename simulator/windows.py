"""Writes NVIDIA's Windows zips and wheels of a stand-in release, with real DLLs made by mingw-w64.

Layouts: ``cuda/{bin,include,lib/x64}`` up to 8.3.0, ``-archive/{bin,include,lib}`` after that; ``lib/x64`` again since
8.8, ``bin/x64`` as well since 9.18. Import libraries come in pairs, ``cudnn.lib`` and ``cudnn64_9.lib``.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from simulator.cudnn import CudnnRelease, needed_by, parts
from simulator.elf import static_archive
from simulator.pe import Dll, dll


def dlls(release: CudnnRelease) -> dict[str, tuple[bytes, bytes]]:
    """Return stem → DLL and import library, ``cudnn`` first."""
    return {stem.removeprefix("lib"): dll(_dll(release, stem)) for stem in parts(release).stems}


def _dll(release: CudnnRelease, stem: str) -> Dll:
    needed = [one.split(".so.") for one in needed_by(release, stem) if one.startswith("libcudnn")]
    return Dll(
        name=f"{stem.removeprefix('lib')}64_{release.major}.dll",
        text=f"stand-in {stem} {release.version} cuda {release.cuda}",
        functions=(("cudnnGetVersion", release.number),) if stem == "libcudnn" else (),
        needed=tuple(f"{one.removeprefix('lib')}64_{major}.dll" for one, major in needed),
    )


def zip_name(release: CudnnRelease) -> str:
    """Return the file name of the release's zip."""
    if release.is_tgz:
        platform = "windows10-x64" if release.cuda_major == "10" else "windows-x64"
        return f"cudnn-{release.cuda}-{platform}-v{release.version}.zip"
    return f"cudnn-windows-x86_64-{release.version}_cuda{release.cuda}-archive.zip"


def members(release: CudnnRelease) -> dict[str, bytes]:
    """Return path → content of everything in the zip."""
    top = "cuda" if release.is_tgz else zip_name(release).removesuffix(".zip")
    bins = f"{top}/bin/x64" if release.numbers >= (9, 18, 0) else f"{top}/bin"
    libs = f"{top}/lib/x64" if release.is_tgz or release.numbers >= (8, 8, 0) else f"{top}/lib"
    files = {f"{top}/{'NVIDIA_SLA_cuDNN_Support.txt' if release.is_tgz else 'LICENSE'}": parts(release).licence}
    for stem, (library, imports) in dlls(release).items():
        files |= {f"{bins}/{stem}64_{release.major}.dll": library, f"{libs}/{stem}.lib": imports}
        if release.major >= 8:
            files[f"{libs}/{stem}64_{release.major}.lib"] = imports
    if release.numbers >= (8, 3, 0):
        files[f"{libs}/cudnn_ops_static.lib"] = static_archive(f"{release}", "ops")
    return files | {f"{top}/include/{stem}.h": text for stem, text in parts(release).headers.items()}


def write_zip(release: CudnnRelease, folder: Path, **more: bytes) -> Path:
    """Write the zip into ``folder`` and return its path; ``more`` are further members."""
    path = folder / zip_name(release)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**members(release), **more}.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def write_windows_wheel(release: CudnnRelease, folder: Path) -> Path:
    """Write NVIDIA's wheel for Windows into ``folder`` and return its path: DLLs and headers, no import libraries."""
    info = f"nvidia_cudnn_cu{release.cuda_major}-{release.version}.dist-info"
    files = {f"nvidia/cudnn/include/{stem}.h": text for stem, text in parts(release).headers.items()}
    for stem, (library, _) in dlls(release).items():
        files[f"nvidia/cudnn/bin/{stem}64_{release.major}.dll"] = library
    files |= {
        f"{info}/License.txt": parts(release).licence,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: nvidia-cudnn-cu{release.cuda_major}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\n",
        f"{info}/RECORD": b"",
    }
    path = folder / f"nvidia_cudnn_cu{release.cuda_major}-{release.version}-py3-none-win_amd64.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path
