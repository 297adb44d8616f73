"""Writes zip files byte for byte the same every time: the container of conda packages and wheels.

Format: APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3 to 4.5 (ZIP64 included). The standard library's writer cannot
take data that were compressed elsewhere, which is what compressing one member on several cores needs.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

from cudepot.digest import CHUNK

STORED, DEFLATED = 0, 8
_SMALL = 0xFFFFFFFF
# 1980-01-01 00:00, the earliest time a zip can hold; real times would make each build different
_DATE, _TIME = 0x0021, 0
_UTF8 = 0x0800
_UNIX_3_0, _VERSION, _VERSION_64 = 0x031E, 20, 45
_WINDOW = 32 << 10


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    method: int
    mode: int
    crc: int
    packed: int
    size: int
    offset: int
    wide: bool


class ZipWriter:
    """Writes members one after the other to a seekable stream; call :meth:`close` at the end.

    Args:
        out: seekable binary stream, at its start.
        threads: how many cores deflate one member; the result does not depend on it.
    """

    def __init__(self, out: BinaryIO, *, threads: int = 1) -> None:
        self._out, self._threads = out, threads
        self._entries: list[_Entry] = []

    def store(self, name: str, chunks: Iterable[bytes], *, most: int, mode: int = 0o644) -> None:
        """Add a member uncompressed; ``most`` is an upper bound of its size in bytes, which decides on ZIP64."""
        self._add(name, STORED, mode, most, ((chunk, chunk) for chunk in chunks))

    def deflate(self, name: str, chunks: Iterable[bytes], *, most: int, mode: int = 0o644, level: int = 6) -> None:
        """Add a member compressed with zlib level ``level`` (0 to 9); ``most`` bounds its uncompressed size."""
        self._add(name, DEFLATED, mode, most + (most >> 3) + CHUNK, _deflated(chunks, level, self._threads))

    def _add(self, name: str, method: int, mode: int, most: int, parts: Iterable[tuple[bytes, bytes]]) -> None:
        offset, wide = self._out.tell(), most >= _SMALL
        blank = _Entry(name.encode(), method, mode, 0, 0, 0, offset, wide)
        self._out.write(_local_header(blank))
        crc = packed = size = 0
        for plain, data in parts:
            crc = zlib.crc32(plain, crc)
            size, packed = size + len(plain), packed + len(data)
            self._out.write(data)
        assert wide or max(size, packed) < _SMALL, f"{name} is larger than announced"
        entry = _Entry(blank.name, method, mode, crc, packed, size, offset, wide)
        end = self._out.tell()
        self._out.seek(offset)
        self._out.write(_local_header(entry))
        self._out.seek(end)
        self._entries.append(entry)

    def close(self) -> None:
        """Write the central directory; the stream itself stays open."""
        start = self._out.tell()
        for entry in self._entries:
            self._out.write(_central_header(entry))
        self._out.write(_end(len(self._entries), start, self._out.tell() - start))


def _local_header(entry: _Entry) -> bytes:
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.packed) if entry.wide else b""
    sizes = (_SMALL, _SMALL) if entry.wide else (entry.packed, entry.size)
    need = _VERSION_64 if entry.wide else _VERSION
    flags = 0 if entry.name.isascii() else _UTF8
    fixed = (0x04034B50, need, flags, entry.method, _TIME, _DATE, entry.crc, *sizes, len(entry.name), len(extra))
    return struct.pack("<IHHHHHIIIHH", *fixed) + entry.name + extra


def _central_header(entry: _Entry) -> bytes:
    fields = (entry.size, entry.packed, entry.offset)
    large = [one for one in fields if one >= _SMALL]
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    size, packed, offset = (min(one, _SMALL) for one in fields)
    need = _VERSION_64 if entry.wide or large else _VERSION
    flags = 0 if entry.name.isascii() else _UTF8
    fixed = (0x02014B50, _UNIX_3_0, need, flags, entry.method, _TIME, _DATE, entry.crc, packed, size)
    tail = (len(entry.name), len(extra), 0, 0, 0, (0o100000 | entry.mode) << 16, offset)
    return struct.pack("<IHHHHHHIIIHHHHHII", *fixed, *tail) + entry.name + extra


def _end(count: int, start: int, size: int) -> bytes:
    wide = b""
    if count >= 0xFFFF or start >= _SMALL or size >= _SMALL:
        wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, _UNIX_3_0, _VERSION_64, 0, 0, count, count, size, start)
        wide += struct.pack("<IIQI", 0x07064B50, 0, start + size, 1)
    few = min(count, 0xFFFF)
    return wide + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, few, few, min(size, _SMALL), min(start, _SMALL), 0)


def _deflate_block(block: bytes, before: bytes, level: int, last: bool) -> bytes:
    """Deflate one block on its own, with the window a serial compressor would have had at that point."""
    engine = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, before)
    return engine.compress(block) + engine.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Cut into blocks of exactly one CHUNK (the last is shorter, or empty), so that cuts never depend on reads."""
    held = b""
    for chunk in chunks:
        held += chunk
        while len(held) > CHUNK:
            yield held[:CHUNK], False
            held = held[CHUNK:]
    yield held, True


def _deflated(chunks: Iterable[bytes], level: int, threads: int) -> Iterator[tuple[bytes, bytes]]:
    """Give (plain, deflated) block by block; a few blocks are on their way at a time."""
    waiting: deque[tuple[bytes, Future[bytes]]] = deque()
    before = b""
    with ThreadPoolExecutor(threads) as pool:
        for block, last in _blocks(chunks):
            waiting.append((block, pool.submit(_deflate_block, block, before, level, last)))
            before = block[-_WINDOW:]
            if len(waiting) > 2 * threads:
                plain, done = waiting.popleft()
                yield plain, done.result()
        for plain, done in waiting:
            yield plain, done.result()
