"""The volumes of a bundle: plain POSIX tar, of which this module writes, and accepts, exactly one form.

Source: IEEE Std 1003.1 (pax, "ustar Interchange Format"). Any ``tar`` unpacks a volume. The reader takes a header
only when it is, byte for byte, the one written here for its name and size: there is no way to say a link, a device,
a path, an owner or a sparse file, and nothing to decompress.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cudepot.errors import FormatError

BLOCK = 512
END = bytes(2 * BLOCK)
MOST = 8**11 - 1
"""Bytes of the largest member: eleven octal digits."""
MANIFEST, SIGNATURE, SUMS = "manifest.json", "manifest.json.asc", "SHA256SUMS"
FIRST = (MANIFEST, SIGNATURE, SUMS)
"""Members every volume begins with."""
LIMITS = {MANIFEST: 64 << 20, SIGNATURE: 64 << 10, SUMS: 64 << 20}
"""Bytes they may have, because they are read before a signature was checked: some 400,000 objects."""
OBJECTS = "objects/"
_NAME = re.compile(r"objects/[0-9a-f]{64}")
_HINT = (
    "the file was damaged or truncated in transit, or is not a bundle: compare it with its SHA256SUMS and copy it again"
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a volume: its name, its size, and where its bytes begin in the volume."""

    name: str
    size: int
    offset: int

    @property
    def sha256(self) -> str:
        """The hash an object's name says; empty for other members."""
        return self.name.removeprefix(OBJECTS) if self.name.startswith(OBJECTS) else ""


def header(name: str, size: int) -> bytes:
    """Return the header block of a member: a regular file, mode 0644, owner 0, time 0."""
    if size > MOST:
        raise FormatError(f"{name}: {size} bytes are more than a tar header can say")
    fields = (
        name.encode().ljust(100, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,
        b"%011o\0" % size + b"00000000000\0",
        b" " * 8 + b"0",
        bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167),
    )
    block = b"".join(fields)
    checksum = b"%06o\0 " % sum(block)
    return block[:148] + checksum + block[156:]


def padding(size: int) -> int:
    """Return how many zero bytes follow a member of that size."""
    return -size % BLOCK


def tar_size(size: int) -> int:
    """Return what a member takes in a volume: header, bytes, padding."""
    return BLOCK + size + padding(size)


def members(stream: BinaryIO, what: str) -> Iterator[Member]:
    """Give the members of a seekable volume in order, reading headers only; the stream is at a member's bytes then.

    Raises:
        FormatError: the volume is cut, has something behind its end, or a header is not of the one form.
    """
    end = stream.seek(0, 2)
    place = 0
    while True:
        stream.seek(place)
        block = stream.read(BLOCK)
        if block == bytes(BLOCK):
            if stream.read(BLOCK + 1) != bytes(BLOCK):  # not all the rest: it may be any size
                raise FormatError(f"{what}: does not end where it should", hint=_HINT)
            return
        member = _member(block, place + BLOCK, what)
        place = member.offset + member.size + padding(member.size)
        if place > end - len(END):
            raise FormatError(f"{what}: cut short in {member.name}", hint=_HINT)
        stream.seek(member.offset + member.size)
        if any(stream.read(padding(member.size))):
            raise FormatError(f"{what}: there is hidden data after {member.name}", hint=_HINT)
        stream.seek(member.offset)
        yield member


def _member(block: bytes, offset: int, what: str) -> Member:
    if len(block) < BLOCK:
        raise FormatError(f"{what}: cut short, or not a bundle", hint=_HINT)
    name = block[:100].rstrip(b"\0").decode("ascii", "replace")
    size = block[124:135]
    if (name in FIRST or _NAME.fullmatch(name)) and re.fullmatch(rb"[0-7]{11}", size):
        found = Member(name, int(size, 8), offset)
        if header(name, found.size) == block:
            return found
    raise FormatError(f"{what}: member {name[:120]!r} at byte {offset - BLOCK} does not belong in a bundle", hint=_HINT)
