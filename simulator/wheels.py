"""Writes the wheels of a stand-in cuDNN release, and the cuBLAS wheel it asks for, in NVIDIA's layout.

Libraries only under their SONAME, headers under both names, no static archives; up to 9.11 with empty
``__init__.py`` files and ``License.txt`` beside METADATA, later without them and under ``licenses/``.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simulator.cudnn import CudnnRelease, Parts, licence, parts
from simulator.elf import Library, shared_library

_DATE = (2020, 11, 6, 0, 0, 0)


def write_wheel(release: CudnnRelease, folder: Path) -> Path:
    """Write the cuDNN wheel of ``release`` into ``folder`` and return its path."""
    made, modern = parts(release), release.numbers >= (9, 12, 0)
    files = {} if modern else _inits("nvidia", "nvidia/cudnn", "nvidia/cudnn/include", "nvidia/cudnn/lib")
    files |= _payload(made)
    name = f"nvidia-cudnn-cu{release.cuda_major}"
    requires = "nvidia-cublas" if modern else f"nvidia-cublas-cu{release.cuda_major}"
    glibc = "manylinux_2_27" if release.major >= 9 else "manylinux1"
    names = _Names(name, release.version, f"py3-none-{glibc}_{release.machine}", requires, modern)
    return _write(folder, names, files, made.licence)


def write_cublas_wheel(cuda_major: str, version: str, folder: Path) -> Path:
    """Write a stand-in ``nvidia-cublas-cuN`` (``nvidia-cublas`` from 13 on) with libcublas and libcublasLt."""
    name = "nvidia-cublas" if int(cuda_major) >= 13 else f"nvidia-cublas-cu{cuda_major}"
    files = {
        f"nvidia/cublas/lib/{stem}.so.{cuda_major}": cublas_library(stem, cuda_major)
        for stem in ("libcublas", "libcublasLt")
    }
    names = _Names(name, version, "py3-none-manylinux1_x86_64")
    return _write(folder, names, files, licence(CudnnRelease(version, cuda_major)))


def write_companion(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """Write another wheel of NVIDIA's around cuDNN."""
    names = _Names(name, version, "py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64")
    product = re.sub(r"-cu\d+$", "", name).rpartition("-")[2]
    return _write(folder, names, files, f"stand-in {product.upper()} licence\n".encode())


@cache
def cublas_library(stem: str, cuda_major: str) -> bytes:
    """Return a stand-in libcublas or libcublasLt."""
    return shared_library(Library(f"{stem}.so.{cuda_major}", f"stand-in {stem} cuda {cuda_major}"))


def wheel_metadata(wheel: Path) -> bytes:
    """Return the METADATA member of a wheel (what PEP 658 serves)."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA")))


def _inits(*folders: str) -> dict[str, bytes]:
    return {f"{folder}/__init__.py": b"" for folder in folders}


def _payload(made: Parts) -> dict[str, bytes]:
    files = {}
    for stem, text in made.headers.items():
        files[f"nvidia/cudnn/include/{stem}.h"] = text
        files[f"nvidia/cudnn/include/{stem}_v{made.release.major}.h"] = text
    for stem, data in zip(made.stems, made.libraries.values(), strict=True):
        files[f"nvidia/cudnn/lib/{stem}.so.{made.release.major}"] = data
    return files


@dataclass(frozen=True)
class _Names:
    project: str
    version: str
    tag: str
    requires: str = ""
    modern: bool = False

    @property
    def stem(self) -> str:
        return f"{self.project.replace('-', '_')}-{self.version}"


def _metadata(names: _Names) -> bytes:
    lines = [
        f"Metadata-Version: {'2.4' if names.modern else '2.1'}",
        f"Name: {names.project}",
        f"Version: {names.version}",
        "Summary: cuDNN runtime libraries",
        "Author: Nvidia CUDA Installer Team",
        f"License: {'LicenseRef-NVIDIA-Proprietary' if names.modern else 'NVIDIA Proprietary Software'}",
        "Requires-Python: >=3",
        "License-File: License.txt",
        *([f"Requires-Dist: {names.requires}"] if names.requires else []),
    ]
    return ("\n".join(lines) + "\n\nStand-in for tests.\n").encode()


def _write(folder: Path, names: _Names, files: dict[str, bytes], text: bytes) -> Path:
    info = f"{names.stem}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: true\nTag: {names.tag}\n\n"
    files = dict(sorted(files.items())) | {
        f"{info}/{'licenses/' if names.modern else ''}License.txt": text,
        f"{info}/METADATA": _metadata(names),
        f"{info}/WHEEL": wheel.encode(),
        f"{info}/top_level.txt": b"nvidia\n",
    }
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    path = folder / f"{names.stem}-{names.tag}.whl"
    path.write_bytes(zip_bytes(files))
    return path


def _record(files: dict[str, bytes], own_name: str) -> bytes:
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join([*rows, f"{own_name},,", ""]).encode()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    """Return a zip archive of ``files`` in their order, deflated, mode 0664, with a fixed date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
            info.external_attr = 0o100664 << 16
            archive.writestr(info, data)
    return out.getvalue()
