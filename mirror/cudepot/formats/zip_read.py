"""Reads zip archives (NVIDIA's for Windows, wheels) as a stream of members that cannot do harm.

Format: APPNOTE.TXT 6.3, as ``zipfile`` reads it.
"""

from __future__ import annotations

import io
import stat
import zipfile
from typing import BinaryIO

from cudepot.errors import FormatError
from cudepot.formats.guarded import DEFAULT_LIMIT, MOST_MEMBERS, Guard, guarded
from cudepot.formats.members import Member, Members, safe_name

MAGIC = b"PK\3\4"
_HOSTILE = "the file may be hostile: do not use it"
MOST_IN_WHEELS = 200_000
"""Files a wheel of any project may have: torch's have more than ten thousand."""
_MOST_TAIL = (1 << 16) + 22
_MOST_DIRECTORY = 32 << 20
_ENCRYPTED = 0x1


def read_zip(
    stream: BinaryIO, *, limit: int = DEFAULT_LIMIT, what: str = "zip archive", most: int = MOST_MEMBERS
) -> Members:
    """Give the files of a zip in archive order, ``most`` at most; ``stream`` must be seekable.

    The bytes are not read in order and not all of them: check the archive's digest before.

    Raises:
        FormatError: damaged, encrypted, a name that leaves the archive or appears twice, a symbolic link or
            special file, a compression other than deflate, or more than ``limit`` bytes in all.
    """
    check_directory(stream, what)
    with Guard(what), zipfile.ZipFile(stream) as archive:
        for name, info in checked_members(archive, limit, what, most).items():
            member = Member(name, info.file_size, executable=bool(info.external_attr >> 16 & 0o111))
            with archive.open(info) as content:
                yield member, guarded(content, f"{what}: {name}", info.file_size)  # type: ignore[arg-type]


def check_directory(stream: BinaryIO, what: str) -> None:
    """Refuse a directory of absurd size before ``zipfile`` reads all of it into memory (APPNOTE 4.3.16)."""
    end = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, end - _MOST_TAIL))
    tail = stream.read(_MOST_TAIL)
    stream.seek(0)
    at = tail.rfind(b"PK\5\6")
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    # 0xffffffff stands for "see the ZIP64 record": no archive of ours has a directory of that size
    if size > _MOST_DIRECTORY:
        raise FormatError(f"{what}: a directory of {size} bytes", hint=_HOSTILE)


def checked_members(
    archive: zipfile.ZipFile, limit: int, what: str, most: int = MOST_IN_WHEELS
) -> dict[str, zipfile.ZipInfo]:
    """Return the files by safe name in archive order, after a look at all of them; raise FormatError likewise."""
    if len(archive.infolist()) > most:
        raise FormatError(f"{what}: more than {most} files", hint=_HOSTILE)
    files: dict[str, zipfile.ZipInfo] = {}
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.is_dir():
            continue
        name = safe_name(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name in files:
            raise FormatError(f"{what}: {name!r} appears twice", hint=_HOSTILE)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FormatError(f"{what}: {name!r} is compressed with method {info.compress_type}", hint=_HOSTILE)
        if info.flag_bits & _ENCRYPTED:
            raise FormatError(f"{what}: {name!r} is encrypted", hint=_HOSTILE)
        if kind not in (0, stat.S_IFREG):
            raise FormatError(f"{what}: {name!r} is not a regular file", hint=_HOSTILE)
        files[name] = info
    if sum(info.file_size for info in files.values()) > limit:
        raise FormatError(f"{what}: unpacks to more bytes than allowed", hint=_HOSTILE)
    return files
