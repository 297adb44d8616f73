"""Describes stand-in cuDNN releases and writes their archives with NVIDIA's real names and layouts.

One description gives one set of bytes (:class:`Parts`); the archive, the debs (:mod:`simulator.debs`) and
the wheel (:mod:`simulator.wheels`) of a release all carry exactly those, so that repackaging them can be
tested for byte-identity. Headers, libraries and the licence text are our own.
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from simulator.dispatch import code_of
from simulator.elf import Library, shared_library, static_archive

EPOCH = 1604620800  # 2020-11-06, the day of 8.0.5
MTIME = EPOCH
PADDING = 256 * 1024  # of the one large library, so that interrupted transfers have something to resume

_CUDA_OF_DEB = {"10": "10.2", "11": "11.8", "12": "12.2"}


@dataclass(frozen=True)
class CudnnRelease:
    """One release for one CUDA variant, named as its artifact names it.

    Attributes:
        version: four parts, e.g. ``8.0.5.39``.
        cuda: ``11.1`` up to 8.3, ``11``, ``12`` or ``13`` for the later archives.
        machine: ``x86_64``, ``aarch64`` or ``ppc64le``.
    """

    version: str
    cuda: str
    machine: str = "x86_64"

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Major, minor and patch level."""
        major, minor, patch = (int(part) for part in self.version.split(".")[:3])
        return major, minor, patch

    @property
    def major(self) -> int:
        """Number in the SONAME."""
        return self.numbers[0]

    @property
    def short(self) -> str:
        """The version at the end of the library's file name, e.g. ``8.0.5``."""
        return ".".join(map(str, self.numbers))

    @property
    def number(self) -> int:
        """What ``cudnnGetVersion()`` returns: 8005, 91200."""
        major, minor, patch = self.numbers
        return major * (10000 if major >= 9 else 1000) + minor * 100 + patch

    @property
    def cuda_major(self) -> str:
        """First part of the CUDA version."""
        return self.cuda.split(".")[0]

    @property
    def cuda_full(self) -> str:
        """CUDA version as the debs of 7.x and 8.x carry it: two parts."""
        return self.cuda if "." in self.cuda else _CUDA_OF_DEB.get(self.cuda, f"{self.cuda}.0")

    @property
    def is_dispatched(self) -> bool:
        """Whether packages and libraries are of today's shape: see :mod:`simulator.dispatch`."""
        return self.numbers >= (9, 14, 0)

    @property
    def is_tgz(self) -> bool:
        """Whether the archive is of the old kind (up to 8.3.0)."""
        return self.numbers < (8, 3, 1)

    @property
    def archive_name(self) -> str:
        """File name of the archive."""
        if self.is_tgz:
            platform = {"x86_64": "x64", "aarch64": "aarch64sbsa"}.get(self.machine, self.machine)
            return f"cudnn-{self.cuda}-linux-{platform}-v{self.version}.tgz"
        return f"{self.archive_folder}.tar.xz"

    @property
    def archive_folder(self) -> str:
        """The one folder at the top of an archive of the new kind."""
        platform = {"aarch64": "sbsa"}.get(self.machine, self.machine)
        return f"cudnn-linux-{platform}-{self.version}_cuda{self.cuda}-archive"


@dataclass(frozen=True)
class Parts:
    """The bytes a release consists of.

    Attributes:
        libraries: by full file name, ``libcudnn.so.8.0.5``.
        statics: by stem, ``libcudnn`` (``_static.a`` or ``_static_v8.a`` follows).
        headers: by stem, ``cudnn_version`` (``.h`` or ``_v8.h`` follows).
    """

    release: CudnnRelease
    libraries: dict[str, bytes]
    statics: dict[str, bytes]
    headers: dict[str, bytes]
    licence: bytes

    @cached_property
    def stems(self) -> list[str]:
        """Library names without ``.so.…``, ``libcudnn`` first."""
        return [name.split(".so.")[0] for name in self.libraries]


_SUB_8 = {
    "libcudnn_adv_infer": ("ops_infer",),
    "libcudnn_adv_train": ("ops_infer", "ops_train", "adv_infer"),
    "libcudnn_cnn_infer": ("ops_infer", "cublas", "z"),
    "libcudnn_cnn_train": ("ops_infer", "ops_train", "cnn_infer", "cublas"),
    "libcudnn_ops_infer": ("cublas",),
    "libcudnn_ops_train": ("ops_infer",),
}
_SUB_9 = {
    "libcudnn_graph": ("z",),
    "libcudnn_engines_precompiled": ("graph", "z"),
    "libcudnn_engines_runtime_compiled": ("graph", "z"),
    "libcudnn_heuristic": ("graph", "z"),
    "libcudnn_ops": ("graph", "z"),
    "libcudnn_cnn": ("ops", "graph", "z"),
    "libcudnn_adv": ("ops", "graph", "z"),
}
_HEADERS = {
    7: ("cudnn",),
    8: ("cudnn", "cudnn_adv_infer", "cudnn_adv_train", "cudnn_backend", "cudnn_cnn_infer", "cudnn_cnn_train",
        "cudnn_ops_infer", "cudnn_ops_train", "cudnn_version"),
    9: ("cudnn", "cudnn_adv", "cudnn_backend", "cudnn_cnn", "cudnn_graph", "cudnn_ops", "cudnn_version"),
}  # fmt: skip


@cache
def parts(release: CudnnRelease) -> Parts:
    """Compile and write down everything ``release`` consists of."""
    return Parts(
        release=release,
        libraries={f"{one}.so.{release.short}": _library(release, one) for one in _library_stems(release)},
        statics={one: static_archive(f"{one} {release}", one) for one in _static_stems(release)},
        headers={one: _header(release, one) for one in _HEADERS[release.major]},
        licence=licence(release),
    )


def licence(release: CudnnRelease) -> bytes:
    """Return our own stand-in for the licence agreement."""
    return (
        f"STAND-IN LICENCE for tests of cuDNN {release.version} packaging.\n\n"
        "This text takes the place of a licence agreement and grants nothing.\n"
    ).encode()


def _library_stems(release: CudnnRelease) -> list[str]:
    return ["libcudnn", *{7: {}, 8: _SUB_8, 9: _SUB_9}[release.major]]


def _static_stems(release: CudnnRelease) -> list[str]:
    if release.numbers < (8, 3, 0):
        return ["libcudnn"]
    return _library_stems(release)[1:]


_BESIDE = "$ORIGIN/../../cublas/lib:$ORIGIN/../../cuda_nvrtc/lib"


def _library(release: CudnnRelease, stem: str) -> bytes:
    version = (("cudnnGetVersion", release.number), ("cudnnGetCudartVersion", _cudart(release)))
    origin = release.major == 9 or (release.major == 8 and stem == "libcudnn")
    says = "libcudnn_graph" if release.is_dispatched else "libcudnn"
    runpath = f"$ORIGIN:{_BESIDE}" if release.is_dispatched and stem != "libcudnn" else "$ORIGIN"
    return shared_library(
        Library(
            soname=f"{stem}.so.{release.major}",
            text=f"stand-in {stem} {release.version} cuda {release.cuda} {release.machine}",
            functions=version if stem == says else (),
            needed=needed_by(release, stem),
            runpath=runpath if origin else "",
            padding=PADDING if stem in ("libcudnn_cnn_infer", "libcudnn_engines_precompiled") else 0,
            glibc="2.27" if release.major == 9 else "2.14",
            machine=release.machine,
            code=code_of(stem, release.numbers) if release.is_dispatched else "",
        )
    )


def _cudart(release: CudnnRelease) -> int:
    major, minor = release.cuda_full.split(".")
    return int(major) * 1000 + int(minor) * 10


def needed_by(release: CudnnRelease, stem: str) -> tuple[str, ...]:
    """Return the SONAMEs a library needs."""
    found: list[str] = []
    for one in {7: {}, 8: _SUB_8, 9: _SUB_9}[release.major].get(stem, ()):
        if one == "cublas":
            found += [f"libcublas.so.{release.cuda_major}", f"libcublasLt.so.{release.cuda_major}"]
        elif one != "z":
            found.append(f"libcudnn_{one}.so.{release.major}")
        elif release.numbers >= (8, 3, 0):
            found.append("libz.so.1")
    return tuple(found)


def _header(release: CudnnRelease, stem: str) -> bytes:
    body = _version_macros(release) if stem == _HEADERS[release.major][-1] else ""
    include = '#include "cudnn_version.h"\n' if stem != "cudnn_version" and release.major > 7 else ""
    function = "unsigned long cudnnGetVersion(void);\n" if stem == "cudnn" else ""
    guard = f"{stem.upper()}_STAND_IN_H"
    return (
        f"/* Stand-in {stem}.h of cuDNN {release.version} for CUDA {release.cuda}: not NVIDIA's. */\n"
        f"#ifndef {guard}\n#define {guard}\n{include}{body}{function}#endif\n"
    ).encode()


def _version_macros(release: CudnnRelease) -> str:
    major, minor, patch = release.numbers
    factor = 10000 if major >= 9 else 1000
    return (
        f"#define CUDNN_MAJOR {major}\n#define CUDNN_MINOR {minor}\n#define CUDNN_PATCHLEVEL {patch}\n"
        f"#define CUDNN_VERSION (CUDNN_MAJOR * {factor} + CUDNN_MINOR * 100 + CUDNN_PATCHLEVEL)\n"
    )


def members(release: CudnnRelease) -> Iterator[tuple[str, bytes | str]]:
    """Yield the archive's members in NVIDIA's order: content of a file, or target of a symbolic link."""
    made = parts(release)
    if release.is_tgz:
        ppc = release.machine == "ppc64le"
        include, lib = ("targets/ppc64le-linux/include", "targets/ppc64le-linux/lib") if ppc else ("include", "lib64")
        headers = [(f"cuda/{include}/{stem}.h", text) for stem, text in made.headers.items()]
        yield headers[0]
        yield "cuda/NVIDIA_SLA_cuDNN_Support.txt", made.licence
        yield from headers[1:]
        yield from _libraries(made, f"cuda/{lib}")
        yield from ((f"cuda/{lib}/{stem}_static.a", data) for stem, data in made.statics.items())
        return
    top = release.archive_folder
    yield from _new_statics(made, f"{top}/lib")
    yield from _libraries(made, f"{top}/lib")
    for suffix in ("", f"_v{release.major}"):
        yield from ((f"{top}/include/{stem}{suffix}.h", text) for stem, text in made.headers.items())
    yield f"{top}/LICENSE", made.licence


def _libraries(made: Parts, folder: str) -> Iterator[tuple[str, bytes | str]]:
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        soname = f"{stem}.so.{made.release.major}"
        yield f"{folder}/{stem}.so", soname
        yield f"{folder}/{soname}", full
        yield f"{folder}/{full}", data


def _new_statics(made: Parts, folder: str) -> Iterator[tuple[str, bytes | str]]:
    for stem, data in made.statics.items():
        if made.release.major == 8:
            yield f"{folder}/{stem}_static.a", data
            yield f"{folder}/{stem}_static_v8.a", f"{stem}_static.a"
        else:
            yield f"{folder}/{stem}_static_v{made.release.major}.a", data


def write_archive(release: CudnnRelease, folder: Path) -> Path:
    """Write the release's ``.tgz`` or ``-archive.tar.xz`` into ``folder`` and return its path."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in members(release):
            _add(tar, name, content)
    pack = gzip.compress(plain.getvalue(), mtime=0) if release.is_tgz else lzma.compress(plain.getvalue())
    path = folder / release.archive_name
    path.write_bytes(pack)
    return path


def _add(tar: tarfile.TarFile, name: str, content: bytes | str) -> None:
    info = tarfile.TarInfo(name)
    info.mtime, info.uname, info.gname = MTIME, "root", "root"
    info.mode = 0o755 if ".so." in name else 0o644
    if isinstance(content, str):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, content, 0o777
        tar.addfile(info)
    else:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
