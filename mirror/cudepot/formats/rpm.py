"""Reads the files an rpm installs, as a stream of members that cannot do harm; the head is rpm_header's.

Format: rpm's payload, a cpio archive of SVR4 "newc" entries (cpio(5)), compressed as the header says. rpm gives
the content of hard-linked files with the last of them only.
"""

from __future__ import annotations

import io
import posixpath
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cudepot.digest import hasher
from cudepot.errors import FormatError
from cudepot.formats.archive import safe_link
from cudepot.formats.compression import decompressed
from cudepot.formats.guarded import DEFAULT_LIMIT, MOST_MEMBERS, damaged, drain, sliced
from cudepot.formats.members import Member, Members, safe_name
from cudepot.formats.rpm_header import PAYLOAD_COMPRESSOR, PAYLOAD_FORMAT, RpmHead, read_head

_COMPRESSIONS = ("gzip", "bzip2", "xz", "zstd")
_MAGIC = b"070701"
_HEAD = 110
_END = "TRAILER!!!"
_MOST_NAME = 4096
_KIND, _FOLDER, _FILE, _LINK = 0o170000, 0o040000, 0o100000, 0o120000
_HOSTILE = "the file may be hostile: do not use it"


def read_rpm(stream: BinaryIO, *, limit: int = DEFAULT_LIMIT, what: str = "rpm") -> Members:
    """Give the files an rpm installs, names relative to the root; ``stream`` need not be seekable.

    Folders are skipped. Files that are one file under several names come as the one with the content, followed by
    symbolic links to it. The payload must hash to what the header says (rpm since 4.14 says it).

    Raises:
        FormatError: no rpm, damaged or cut short, compressed in another way than it says, a name or link that
            leaves the package, a device or other special file, a name given twice, or more than ``limit`` bytes.
    """
    return read_payload(stream, read_head(stream, what=what), limit=limit, what=what)


def read_payload(stream: BinaryIO, head: RpmHead, *, limit: int = DEFAULT_LIMIT, what: str = "rpm") -> Members:
    """Give the files of an rpm whose ``stream`` stands at the payload; else as :func:`read_rpm`."""
    compression = head.header.text(PAYLOAD_COMPRESSOR)  # missing where rpmbuild was told not to compress
    if compression not in ("", *_COMPRESSIONS) or head.header.text(PAYLOAD_FORMAT) not in ("", "cpio"):
        raise FormatError(
            f"{what}: a payload of {head.header.text(PAYLOAD_FORMAT)!r} compressed with {compression!r}",
            hint=f"cpio with {', '.join(_COMPRESSIONS)} can be read",
        )
    packed = _checked(stream, head, what)
    plain = decompressed(packed, what, limit=limit, kind=compression)
    yield from _members(plain, limit, what)
    drain(plain)
    drain(packed)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One header of the archive: ``file`` is device and inode, ``names`` how many names that file has."""

    name: str
    mode: int
    size: int
    names: int
    file: tuple[int, int, int]


def _members(plain: BinaryIO, limit: int, what: str) -> Members:
    seen: set[str] = set()
    waiting: dict[tuple[int, int, int], list[str]] = {}
    total = count = 0
    for entry, content in _entries(plain, what):
        total, count = total + entry.size, count + 1
        if total > limit or count > MOST_MEMBERS:
            raise FormatError(f"{what}: too many bytes or members at {entry.name[:200]!r}", hint=_HOSTILE)
        if entry.mode & _KIND == _FOLDER:
            continue
        name = _once(entry, seen, what)
        if entry.mode & _KIND == _LINK:
            yield Member(name, 0, link=_target(name, entry, content, what)), None
            continue
        others = waiting.setdefault(entry.file, [])
        if entry.names > 1 and not entry.size and len(others) + 1 < entry.names:
            others.append(name)
            continue
        yield Member(name, entry.size, executable=bool(entry.mode & 0o111)), content
        yield from _repeats(name, waiting.pop(entry.file))
    if any(waiting.values()):
        raise damaged(what, f"{next(names[0] for names in waiting.values() if names)!r} has no content")


def _once(entry: _Entry, seen: set[str], what: str) -> str:
    """Return the checked name of a file or link and note it."""
    name = safe_name(entry.name)
    if name in seen:
        raise FormatError(f"{what}: {name!r} appears twice", hint=_HOSTILE)
    if entry.mode & _KIND not in (_FILE, _LINK):
        raise FormatError(f"{what}: {name!r} is a device or other special file", hint=_HOSTILE)
    seen.add(name)
    return name


def _target(name: str, entry: _Entry, content: BinaryIO, what: str) -> str:
    if not 0 < entry.size <= _MOST_NAME:
        raise FormatError(f"{what}: link {name!r} has a target of {entry.size} bytes", hint=_HOSTILE)
    return safe_link(name, content.read(entry.size).decode(errors="surrogateescape"), what)


def _repeats(name: str, others: list[str]) -> Members:
    for other in others:
        yield Member(other, 0, link=posixpath.relpath(name, posixpath.dirname(other) or ".")), None


def _entries(plain: BinaryIO, what: str) -> Iterator[tuple[_Entry, BinaryIO]]:
    """Give each entry with a stream of exactly its bytes; what the caller leaves unread is skipped."""
    while True:
        entry = _entry(plain, what)
        if entry.name == _END:
            return
        body = sliced(plain, entry.size, f"{what}: {entry.name[:200]}")
        yield entry, body
        drain(body)
        _exactly(plain, -entry.size % 4, what)


def _entry(plain: BinaryIO, what: str) -> _Entry:
    head = _exactly(plain, _HEAD, what)
    if not head.startswith(_MAGIC):
        raise damaged(what, "an entry of its cpio archive is not of the newc format")
    try:
        fields = struct.unpack(">13I", bytes.fromhex(head[6:].decode("ascii")))
    except (ValueError, struct.error):
        raise damaged(what, "a header of its cpio archive is malformed") from None
    inode, mode, _, _, links, _, size, major, minor, _, _, length, _ = fields
    if not 1 < length <= _MOST_NAME:
        raise damaged(what, f"a name of {length} bytes in its cpio archive")
    name = _exactly(plain, length + -(_HEAD + length) % 4, what)[: length - 1]
    return _Entry(name.decode(errors="surrogateescape"), mode, size, links, (major, minor, inode))


def _exactly(plain: BinaryIO, size: int, what: str) -> bytes:
    found = plain.read(size) if size else b""
    if len(found) < size:
        raise damaged(what, "its cpio archive is cut off")
    return found


class _CheckedRaw(io.RawIOBase):
    """Passes the compressed payload through; fails at its end unless it is what the header says."""

    def __init__(self, stream: BinaryIO, algorithm: str, expected: str, what: str) -> None:
        super().__init__()
        self._stream, self._expected, self._what = stream, expected, what
        self._hash = hasher(algorithm)

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one read allows."""
        chunk = self._stream.read(len(buffer))
        self._hash.update(chunk)
        if not chunk and len(buffer) and self._hash.hexdigest() != self._expected:
            raise damaged(self._what, "its payload does not match its header")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _checked(stream: BinaryIO, head: RpmHead, what: str) -> BinaryIO:
    algorithm, expected = head.payload_digest
    return io.BufferedReader(_CheckedRaw(stream, algorithm, expected, what)) if expected else stream
