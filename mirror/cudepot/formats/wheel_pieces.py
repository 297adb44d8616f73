"""Reads METADATA out of a wheel of which only pieces are fetched: the end of its directory, then the member.

Format: APPNOTE.TXT 6.3 sections 4.3.7 (local header), 4.3.12 (directory), 4.3.16 (its end) and 4.5.3 (ZIP64), as wheels
use them: one file, no encryption, stored or deflated. Writers put ``*.dist-info`` last (PEP 427), so that the last
64 KiB tell where METADATA is, of wheels with a hundred thousand files as well.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

from cudepot.errors import FormatError

ReadPiece = Callable[[int, int], bytes]
"""Gives the bytes of a file from the first number on, as many as the second says."""
_TAIL = (1 << 16) + 22  # the end of the directory, and the longest comment behind it
_MOST_DIRECTORY = 32 << 20
_MOST_METADATA = 4 << 20
_SPARE = 256  # bytes asked for beside the member: what its local header may have more than the directory says
_ENTRY = struct.Struct("<4s2HHH2HLLLHHHHHLL")
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_END = struct.Struct("<4sHHHHLLH")
_ZIP64 = 0xFFFFFFFF
_ENCRYPTED = 0x1
_NAME = re.compile(rb"[^/\\\0]{1,255}\.dist-info/METADATA")
_ENDS = b".dist-info/METADATA"


class _Member(NamedTuple):
    """Where METADATA is: the offset of its local header, how it is packed, and what has to come out."""

    name: bytes
    offset: int
    method: int
    packed: int
    size: int
    crc: int


def metadata_in_pieces(read: ReadPiece, size: int, *, what: str = "wheel") -> bytes:
    """Return the text of ``*.dist-info/METADATA`` as packed, reading little of a wheel of ``size`` bytes.

    The bytes prove nothing: who has the whole wheel checks its hash, and reads METADATA from that.

    Raises:
        FormatError: not a wheel, or none whose METADATA can be found in this way.
    """
    if size < _END.size:
        raise FormatError(f"{what}: not a zip archive")
    start = max(0, size - _TAIL)
    tail = read(start, size - start)
    member = _found(read, start, tail, what)
    head = _LOCAL.size + len(member.name)
    wanted = min(head + _SPARE + member.packed, size - member.offset)
    data = tail[member.offset - start :] if member.offset >= start else read(member.offset, wanted)
    begin = _begin(data, member, what)
    if begin + member.packed > len(data) and member.offset < start:
        data = read(member.offset, begin + member.packed)
    return _unpacked(data[begin : begin + member.packed], member, what)


def _found(read: ReadPiece, start: int, tail: bytes, what: str) -> _Member:
    """Return the entry for METADATA in the end of the directory, else in all of it."""
    end = tail.rfind(b"PK\5\6")
    if end < 0 or end + _END.size > len(tail):
        raise FormatError(f"{what}: not a zip archive")
    *_, length, offset, _ = _END.unpack_from(tail, end)
    members = _members(tail[max(0, offset - start) if offset != _ZIP64 else 0 : end])
    if not members and offset < start:
        if length > _MOST_DIRECTORY:
            raise FormatError(f"{what}: a directory of {length} bytes")
        members = _members(read(offset, length))
    if len(members) != 1:
        raise FormatError(f"{what}: {len(members) or 'no'} METADATA, but there must be exactly one")
    if max(members[0].size, members[0].packed) > _MOST_METADATA:
        raise FormatError(f"{what}: METADATA of {members[0].size} bytes")
    return members[0]


def _members(directory: bytes) -> list[_Member]:
    """Return the entries for METADATA, two at most; the part of a directory may begin in the middle of an entry."""
    found: list[_Member] = []
    at = directory.find(_ENDS)
    while at >= 0 and len(found) < 2:
        end = at + len(_ENDS)
        for begin in _begins(directory, at):
            if member := _member(directory, begin, end):
                found.append(member)
                break
        at = directory.find(_ENDS, end)
    return found


def _begins(directory: bytes, at: int) -> list[int]:
    """Return where the entry may begin whose name holds what is at ``at``, the nearest first."""
    low, found = max(0, at - _ENTRY.size - 255), []
    high = at - _ENTRY.size
    while high >= 0 and (begin := directory.rfind(b"PK\1\2", low, high + 4)) >= 0:
        found.append(begin)
        high = begin - 1
    return found


def _member(directory: bytes, begin: int, end: int) -> _Member | None:
    """Return the entry at ``begin`` where its name ends at ``end`` and is that of METADATA."""
    (_, _, _, flags, method, _, _, crc, packed, size, named, extra, _, disk, _, _, offset) = _ENTRY.unpack_from(
        directory, begin
    )
    name = directory[begin + _ENTRY.size : end]
    if len(name) != named or not _NAME.fullmatch(name) or flags & _ENCRYPTED or disk:
        return None
    size, packed, offset = _wide([size, packed, offset], directory[end : end + extra])
    return _Member(name, offset, method, packed, size, crc)


def _wide(values: list[int], extra: bytes) -> list[int]:
    """Return values, those that do not fit into 32 bits from the extra field of ZIP64 (4.5.3)."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - 4) // 8}Q", extra, 4))
            return [next(wide, _ZIP64) if one == _ZIP64 else one for one in values]
        extra = extra[4 + length :]
    return values


def _begin(data: bytes, member: _Member, what: str) -> int:
    """Return where the packed bytes begin behind the local header."""
    if len(data) < _LOCAL.size:
        raise FormatError(f"{what}: METADATA is beyond the end")
    signature, *_, named, extra = _LOCAL.unpack_from(data)
    if signature != b"PK\3\4" or data[_LOCAL.size : _LOCAL.size + named] != member.name:
        raise FormatError(f"{what}: METADATA is not where the directory says")
    return _LOCAL.size + int(named) + int(extra)


def _unpacked(data: bytes, member: _Member, what: str) -> bytes:
    if member.method == zipfile.ZIP_STORED:
        found = data
    elif member.method == zipfile.ZIP_DEFLATED:
        try:
            found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
        except zlib.error as error:
            raise FormatError(f"{what}: METADATA is damaged ({error})") from error
    else:
        raise FormatError(f"{what}: METADATA is compressed with method {member.method}")
    if len(found) != member.size or zlib.crc32(found) != member.crc:
        raise FormatError(f"{what}: METADATA is damaged")
    return found
