"""Holds a payload against what its release claims: the headers of its libraries and the version in the C header."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

from cudepot.errors import FormatError
from cudepot.formats.elf import read_elf
from cudepot.formats.library import LibraryInfo
from cudepot.formats.payload import Payload, PayloadFile, Role
from cudepot.formats.payload_assemble import soname
from cudepot.formats.pe import read_pe
from cudepot.formats.release import Release
from cudepot.ports import OpenObject

_MACHINES = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "win-64": "x86_64",
    "win-arm64": "aarch64",
}
_MOST_HEADER = 4 << 20
_PARTS = ("MAJOR", "MINOR", "PATCHLEVEL")
_HINT = "the artifact is not what its name says: compare its sha256 with the published one"


@dataclass(frozen=True, slots=True)
class PayloadReport:
    """What the check found.

    Attributes:
        libraries: canonical path and facts of every runtime library, sorted by path.
        glibc: highest glibc any library needs; ``(0, 0)`` when none needs any.
        header_version: ``CUDNN_VERSION`` as the header computes it, e.g. 8005 or 91200; 0 where there are samples
            only.
    """

    libraries: tuple[tuple[str, LibraryInfo], ...]
    glibc: tuple[int, int]
    header_version: int


def check_payload(payload: Payload, open_object: OpenObject, needs: Sequence[str] = ("*",)) -> PayloadReport:
    """Check names, needs, search paths and machine of all libraries, and the header's version.

    Args:
        payload: what was assembled.
        open_object: gives seekable streams.
        needs: globs over the libraries that may be needed beside those of the payload.

    Raises:
        FormatError: naming file, claim and finding, where one does not hold.
    """
    runtime = [file for file in payload.files if file.role is Role.RUNTIME]
    own = {_soname_of(payload.release, file) for file in runtime}
    libraries = tuple((file.path, _check_library(payload.release, file, open_object)) for file in runtime)
    for path, info in libraries:
        _check_needs(path, info, own, needs)
    glibc = max((info.glibc for _, info in libraries), default=(0, 0))
    return PayloadReport(libraries, glibc, _check_header(payload, open_object) if runtime else 0)


def _check_library(release: Release, file: PayloadFile, open_object: OpenObject) -> LibraryInfo:
    assert file.digest is not None
    with open_object(file.digest) as stream:
        return read_library(stream, release, file.path, _soname_of(release, file))


def read_library(stream: BinaryIO, release: Release, path: str, soname: str) -> LibraryInfo:
    """Read a library's headers; raise FormatError when machine, SONAME or search path is not what it must be."""
    info = (read_pe if release.windows else read_elf)(stream, what=path)
    machine = "aarch64" if release.part.startswith("cross-") else _MACHINES.get(release.subdir, release.subdir)
    _agree(path, "machine", machine, info.machine)
    _agree(path, "SONAME", soname, info.soname)
    for entry in filter(None, info.runpath.split(":")):
        if not entry.startswith(("$ORIGIN", "${ORIGIN}")):
            raise FormatError(f"{path}: RUNPATH points outside the package: {entry[:200]!r}", hint=_HINT)
    return info


def _soname_of(release: Release, file: PayloadFile) -> str:
    """Return the name the library must have by its canonical path."""
    base = file.path.rpartition("/")[2]
    return base if release.windows else soname(release, base.partition(".so")[0])


def _check_needs(path: str, info: LibraryInfo, own: Collection[str], needs: Sequence[str]) -> None:
    """Refuse a library that cannot be loaded with what its package and its dependencies bring."""
    known = {one.lower() for one in own}
    for name in info.needed:
        if name.lower() not in known and not any(fnmatchcase(name.lower(), glob.lower()) for glob in needs):
            raise FormatError(
                f"{path}: NEEDED has {name[:200]!r}, which neither the release nor any known dependency provides",
                hint="pass all packages of the release; or add it to `needs` in payload.toml and a dependency to the "
                "recipe",
            )


def _agree(path: str, what: str, claim: str, finding: str) -> None:
    if claim != finding:
        raise FormatError(f"{path}: {what} is {finding or 'missing'}, but {claim} is claimed", hint=_HINT)


def _check_header(payload: Payload, open_object: OpenObject) -> int:
    """Check the version macros against the release; return the header's version number."""
    release = payload.release
    file = _version_header(payload.files, release.product)
    assert file.digest is not None
    with open_object(file.digest) as stream:
        text = stream.read(_MOST_HEADER)
    found = tuple(_macro(text, f"{release.product.upper()}_{part}", file.path) for part in _PARTS)
    claim = ".".join(release.version.split(".")[:3])
    _agree(file.path, "version", claim, ".".join(map(str, found)))
    factor = _factor(text, release.product.upper())
    _agree(file.path, "CUDNN_VERSION", f"MAJOR * {_thousands(found[0])} + …", f"MAJOR * {factor} + …")
    return version_number(found)


def _factor(text: bytes, prefix: str) -> int:
    """Return what the header multiplies the major version with; 0 when it computes its number in no known way."""
    name = prefix.encode()
    formula = rb"(?m)^#define%b_VERSION\(%b_MAJOR\*(\d{1,9})\+%b_MINOR\*100\+%b_PATCHLEVEL\)" % (name, name, name, name)
    found = re.findall(formula, re.sub(rb"[ \t]+", b"", text))
    return int(found[0]) if len(set(found)) == 1 else 0


def _thousands(major: int) -> int:
    return 1000 if major < 9 else 10000


def version_number(parts: Iterable[int]) -> int:
    """Return CUDNN_VERSION for (major, minor, patch): a thousand a major up to 8, ten thousand since 9."""
    major, minor, patch = parts
    return major * _thousands(major) + minor * 100 + patch


def _version_header(files: Iterable[PayloadFile], product: str) -> PayloadFile:
    """Return ``<product>_version.h``, or ``<product>.h`` where the macros lived before cuDNN 8."""
    headers = {file.path: file for file in files if file.role is Role.HEADER}
    for path in (f"include/{product}_version.h", f"include/{product}.h"):
        if path in headers:
            return headers[path]
    raise FormatError(f"include/{product}.h: no header with version macros in the payload", hint=_HINT)


def _macro(text: bytes, name: str, path: str) -> int:
    found = re.findall(rb"(?m)^[ \t]*#[ \t]*define[ \t]+" + name.encode() + rb"[ \t]+(\d{1,9})\b", text)
    if len(set(found)) != 1:
        raise FormatError(f"{path}: {name} is defined {len(set(found))} times, but must be defined once", hint=_HINT)
    return int(found[0])
