"""Holds a payload against what its release claims: the libraries' ELF headers and the version in the C header."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cudepot.errors import FormatError
from cudepot.formats.elf import ElfInfo, read_elf
from cudepot.formats.payload import Payload, PayloadFile, Release, Role
from cudepot.formats.payload_assemble import soname
from cudepot.ports import OpenObject

_MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}
_MOST_HEADER = 4 << 20
_PARTS = ("MAJOR", "MINOR", "PATCHLEVEL")
_HINT = "the artifact is not what its name says: compare its sha256 with the published one"


@dataclass(frozen=True, slots=True)
class PayloadReport:
    """What the check found.

    Attributes:
        libraries: canonical path and ELF facts of every runtime library, sorted by path.
        glibc: highest glibc any library needs; ``(0, 0)`` when none needs any.
        header_version: ``CUDNN_VERSION`` as the header computes it, e.g. 8005 or 91200.
    """

    libraries: tuple[tuple[str, ElfInfo], ...]
    glibc: tuple[int, int]
    header_version: int


def check_payload(payload: Payload, open_object: OpenObject) -> PayloadReport:
    """Check SONAMEs, machine and header version of a payload; ``open_object`` must give seekable streams.

    Raises:
        FormatError: naming file, claim and finding, where one does not hold.
    """
    libraries = tuple(
        (file.path, _check_library(payload.release, file, open_object))
        for file in payload.files
        if file.role is Role.RUNTIME
    )
    glibc = max((info.glibc for _, info in libraries), default=(0, 0))
    return PayloadReport(libraries, glibc, _check_header(payload, open_object))


def _check_library(release: Release, file: PayloadFile, open_object: OpenObject) -> ElfInfo:
    assert file.digest is not None
    with open_object(file.digest) as stream:
        info = read_elf(stream, what=file.path)
    stem = file.path.removeprefix("lib/").partition(".so")[0]
    _agree(file.path, "SONAME", soname(release, stem), info.soname)
    _agree(file.path, "machine", _MACHINES.get(release.subdir, release.subdir), info.machine)
    return info


def _agree(path: str, what: str, claim: str, finding: str) -> None:
    if claim != finding:
        raise FormatError(f"{path}: {what} is {finding or 'missing'} where {claim} is claimed", hint=_HINT)


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
    return version_number(found)


def version_number(parts: Iterable[int]) -> int:
    """Return CUDNN_VERSION for (major, minor, patch): a thousand a major up to 8, ten thousand since 9."""
    major, minor, patch = parts
    return major * (1000 if major < 9 else 10000) + minor * 100 + patch


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
        raise FormatError(f"{path}: {name} is defined {len(set(found))} times where it must be once", hint=_HINT)
    return int(found[0])
