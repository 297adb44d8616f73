"""Reads wheels (NVIDIA's, or anybody's) as a stream of members that cannot do harm.

Format: the binary distribution format, PEP 427; the zip below it as ``zipfile`` reads it.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from typing import BinaryIO

from cudepot.errors import FormatError
from cudepot.formats.guarded import DEFAULT_LIMIT, Guard, guarded
from cudepot.formats.members import Member, Members, safe_name

_HOSTILE = "the file may be hostile: do not use it"
_MOST_MEMBERS = 200_000
_MOST_METADATA = 4 << 20
_MOST_TAIL = (1 << 16) + 22
_MOST_DIRECTORY = 32 << 20
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


def _check_directory(stream: BinaryIO, what: str) -> None:
    """Refuse a directory of absurd size before ``zipfile`` reads all of it into memory (APPNOTE 4.3.16)."""
    end = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, end - _MOST_TAIL))
    tail = stream.read(_MOST_TAIL)
    stream.seek(0)
    at = tail.rfind(b"PK\5\6")
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    # 0xffffffff stands for "see the ZIP64 record": no wheel has a directory of that size
    if size > _MOST_DIRECTORY:
        raise FormatError(f"{what}: a directory of {size} bytes", hint=_HOSTILE)


def _checked(archive: zipfile.ZipFile, limit: int, what: str) -> dict[str, zipfile.ZipInfo]:
    """Return the wheel's files by safe name in archive order, after a look at all of them."""
    files: dict[str, zipfile.ZipInfo] = {}
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.is_dir():
            continue
        name = safe_name(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name in files:
            raise FormatError(f"{what}: {name!r} is there twice", hint=_HOSTILE)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FormatError(f"{what}: {name!r} is compressed in a way wheels are not", hint=_HOSTILE)
        if kind not in (0, stat.S_IFREG):
            raise FormatError(f"{what}: {name!r} is no regular file", hint=_HOSTILE)
        files[name] = info
    if len(files) > _MOST_MEMBERS or sum(info.file_size for info in files.values()) > limit:
        raise FormatError(f"{what}: unpacks to more bytes or files than allowed", hint=_HOSTILE)
    return files


def read_wheel(stream: BinaryIO, *, limit: int = DEFAULT_LIMIT, what: str = "wheel") -> Members:
    """Give the files of a wheel in archive order; ``stream`` must be seekable.

    The bytes are not read in order and not all of them: check the wheel's digest before.

    Raises:
        FormatError: damaged, encrypted, a name that leaves the wheel or is there twice, a symbolic link or
            special file, or more than ``limit`` bytes in all.
    """
    _check_directory(stream, what)
    with Guard(what), zipfile.ZipFile(stream) as archive:
        for name, info in _checked(archive, limit, what).items():
            member = Member(name, info.file_size, executable=bool(info.external_attr >> 16 & 0o111))
            with archive.open(info) as content:
                yield member, guarded(content, f"{what}: {name}", info.file_size)  # type: ignore[arg-type]


def read_metadata(stream: BinaryIO, *, what: str = "wheel") -> bytes:
    """Return the text of ``*.dist-info/METADATA`` exactly as packed (the core metadata specification).

    Raises:
        FormatError: not a wheel, or not exactly one METADATA of at most 4 MiB.
    """
    _check_directory(stream, what)
    with Guard(what), zipfile.ZipFile(stream) as archive:
        found = [one for name, one in _checked(archive, DEFAULT_LIMIT, what).items() if _METADATA.fullmatch(name)]
        if len(found) != 1 or found[0].file_size > _MOST_METADATA:
            raise FormatError(f"{what}: {len(found)} METADATA files where there must be one", hint=_HOSTILE)
        with archive.open(found[0]) as text:
            return text.read(found[0].file_size)
