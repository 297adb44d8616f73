"""The head of an rpm: lead, signature header and header, read from a stream that then stands at the payload.

Sources: rpm's ``docs/manual/format_v4.md``, ``format_header.md`` and ``rpmtag.h``; the limits are rpm's own
(``lib/header.c``), less generous where no real package comes near. Tags of both headers are known by number here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from cudepot.digest import hexdigest
from cudepot.errors import FormatError, TrustError

LEAD = b"\xed\xab\xee\xdb"
LEAD_SIZE = 96
MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
_MOST_ENTRIES = 0xFFFF
_MOST_DATA = 64 << 20  # bytes; rpm allows 256 MB, the largest headers seen have a few

# signature header
DSA, RSA, LONG_SIZE, SHA256, OPENPGP, SIZE = 267, 268, 270, 273, 278, 1000
OLD_SIGNATURES = (1002, 1005)  # over header and payload together; rpm 4.14 and later make none
# header
NAME, VERSION, RELEASE, EPOCH, ARCH, SOURCE_RPM = 1000, 1001, 1002, 1003, 1022, 1044
REQUIRE_FLAGS, REQUIRE_NAME, REQUIRE_VERSION = 1048, 1049, 1050
PAYLOAD_FORMAT, PAYLOAD_COMPRESSOR = 1124, 1125
MODULARITY_LABEL = 5096
PAYLOAD_DIGEST, PAYLOAD_DIGEST_ALGORITHM = 5092, 5093
_DIGESTS = {8: "sha256", 9: "sha384", 10: "sha512"}
"""Algorithms of OpenPGP (RFC 9580 section 9.5) that are strong enough."""

_COMPARED, _EQUAL = 0xE, 0x8
"""Of a dependency's flags: which comparisons it names, and the one of equality (rpmds.h)."""

_WIDTHS = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
_NUMBERS = {2: "B", 3: "H", 4: "I", 5: "Q"}
_STRING, _BINARY, _STRINGS, _TRANSLATED = 6, 7, 8, 9


@dataclass(frozen=True, slots=True)
class Header:
    """One header of an rpm: typed values by tag.

    Attributes:
        raw: the header as it is in the file, magic included: what a header signature is made over.
        entries: tag → type, offset into ``data`` and count.
        data: the store the offsets point into.
    """

    raw: bytes
    entries: Mapping[int, tuple[int, int, int]]
    data: memoryview
    what: str

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return a string or an array of strings; empty when the tag is missing.

        Raises:
            FormatError: it is something else, or leaves the header.
        """
        if tag not in self.entries:
            return ()
        kind, offset, count = self.entries[tag]
        if kind not in (_STRING, _STRINGS, _TRANSLATED):
            raise self._bad(tag)
        return tuple(self._strings(tag, offset, 1 if kind == _STRING else count))

    def text(self, tag: int) -> str:
        """Return the first of the strings of a tag; empty when it is missing."""
        return next(iter(self.texts(tag)), "")

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag; empty when it is missing; raise FormatError likewise."""
        if tag not in self.entries:
            return ()
        kind, offset, count = self.entries[tag]
        if kind not in _NUMBERS:
            raise self._bad(tag)
        return struct.unpack(f">{count}{_NUMBERS[kind]}", self.data[offset : offset + count * _WIDTHS[kind]])

    def blob(self, tag: int) -> bytes:
        """Return the bytes of a binary tag; empty when it is missing; raise FormatError likewise."""
        if tag not in self.entries:
            return b""
        kind, offset, count = self.entries[tag]
        if kind != _BINARY:
            raise self._bad(tag)
        return bytes(self.data[offset : offset + count])

    def _strings(self, tag: int, offset: int, count: int) -> Iterator[str]:
        found = bytes(self.data[offset:]).split(b"\0", count) if count > 1 else [self._string(offset)]
        if len(found) < count or (count > 1 and len(found) == count):
            raise self._bad(tag)
        yield from (one.decode(errors="surrogateescape") for one in found[:count])

    def _string(self, offset: int) -> bytes:
        step = 256
        while (end := (part := bytes(self.data[offset : offset + step])).find(b"\0")) < 0:
            if offset + step >= len(self.data):
                raise FormatError(f"{self.what}: a string of its header does not end", hint="the file is damaged")
            step *= 4
        return part[:end]

    def _bad(self, tag: int) -> FormatError:
        return FormatError(f"{self.what}: tag {tag} of its header is malformed", hint="the file is damaged or hostile")


@dataclass(frozen=True, slots=True)
class RpmHead:
    """All of an rpm before its payload.

    Attributes:
        signature: the signature header: signatures and digests; nothing protects it.
        header: the header: what the package is.
        payload: offset of the payload in the file.
    """

    signature: Header
    header: Header
    payload: int

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.header.text(NAME)

    @property
    def evr(self) -> str:
        """Epoch, version and release: ``8.0.5.39-1.cuda11.1``, ``1:2-3``."""
        epoch = next(iter(self.header.numbers(EPOCH)), 0)
        return f"{f'{epoch}:' if epoch else ''}{self.header.text(VERSION)}-{self.header.text(RELEASE)}"

    @property
    def architecture(self) -> str:
        """Architecture; ``src`` for a source package."""
        return self.header.text(ARCH) if SOURCE_RPM in self.header else "src"

    @property
    def exact_requires(self) -> tuple[tuple[str, str], ...]:
        """Name and version of everything it requires in exactly one version; without epoch where that is 0."""
        names, versions = self.header.texts(REQUIRE_NAME), self.header.texts(REQUIRE_VERSION)
        found = zip(names, versions, self.header.numbers(REQUIRE_FLAGS), strict=False)
        return tuple((name, evr.removeprefix("0:")) for name, evr, flags in found if flags & _COMPARED == _EQUAL)

    @property
    def payload_digest(self) -> tuple[str, str]:
        """Hash name and hex digest of the compressed payload; both empty in packages of rpm before 4.14.

        Raises:
            TrustError: there is one over a weak hash only.
        """
        found = self.header.text(PAYLOAD_DIGEST)
        if not found:
            return "", ""
        algorithm = next(iter(self.header.numbers(PAYLOAD_DIGEST_ALGORITHM)), 8)
        if algorithm not in _DIGESTS:
            raise TrustError(f"{self.header.what}: the digest of its payload is weak (OpenPGP algorithm {algorithm})")
        return _DIGESTS[algorithm], found

    def signatures(self) -> tuple[bytes, ...]:
        """Return the signatures over the header, one OpenPGP packet each.

        Raises:
            FormatError: one is not exactly one signature packet.
        """
        return self._signatures((RSA, DSA))

    def old_signatures(self) -> tuple[bytes, ...]:
        """Return the signatures over all of the file from :attr:`start` on, likewise."""
        return self._signatures(OLD_SIGNATURES)

    def check_size(self, size: int) -> None:
        """Raise FormatError when a file of ``size`` bytes is not all of the rpm, or more; some do not say."""
        numbers = self.signature.numbers(LONG_SIZE) or self.signature.numbers(SIZE)
        if numbers and numbers[0] != size - self.start:
            raise FormatError(
                f"{self.header.what}: has {size} bytes, but should have {numbers[0] + self.start}",
                hint="the file is damaged: download it again",
            )

    @property
    def start(self) -> int:
        """Offset of the header in the file."""
        return self.payload - len(self.header.raw)

    def _signatures(self, tags: tuple[int, ...]) -> tuple[bytes, ...]:
        found = [self.signature.blob(tag) for tag in tags if tag in self.signature]
        for one in found:
            if not _is_one_signature(one):
                raise FormatError(
                    f"{self.header.what}: its signature is not an OpenPGP signature", hint="do not use it"
                )
        return tuple(found)


def read_head(stream: BinaryIO, *, what: str) -> RpmHead:
    """Read the head of an rpm; the stream then stands at the payload.

    The digest the signature header has of the header is checked, which finds damage; who made the package is
    told by its signatures only.

    Raises:
        FormatError: no rpm, damaged, cut short or hostile.
    """
    lead = _exactly(stream, LEAD_SIZE, what)
    if not lead.startswith(LEAD):
        raise FormatError(f"{what}: not an rpm", hint="it does not start like one")
    signature = _header(stream, what)
    padding = -len(signature.raw) % 8
    _exactly(stream, padding, what)
    header = _header(stream, what)
    said = signature.text(SHA256)
    if said and said != hexdigest(header.raw):
        raise FormatError(f"{what}: its header does not match its digest", hint="the file is damaged")
    if not (header.text(NAME) and header.text(VERSION) and header.text(RELEASE) and header.text(ARCH)):
        raise FormatError(f"{what}: its header names no package", hint="the file is damaged or hostile")
    return RpmHead(signature, header, LEAD_SIZE + len(signature.raw) + padding + len(header.raw))


def _header(stream: BinaryIO, what: str) -> Header:
    intro = _exactly(stream, 16, what)
    entries, size = struct.unpack(">II", intro[8:])
    if not intro.startswith(MAGIC) or entries > _MOST_ENTRIES or size > _MOST_DATA:
        raise FormatError(f"{what}: no usable rpm header", hint="the file is damaged or hostile")
    raw = intro + _exactly(stream, entries * 16 + size, what)
    data = memoryview(raw)[16 + entries * 16 :]
    found: dict[int, tuple[int, int, int]] = {}
    for tag, kind, offset, count in struct.iter_unpack(">iIiI", raw[16 : 16 + entries * 16]):
        if not 0 <= offset <= size or count > size or offset + count * _WIDTHS.get(kind, 0) > size:
            raise FormatError(f"{what}: tag {tag} points outside its header", hint="the file is damaged or hostile")
        found.setdefault(tag, (kind, offset, count))
    return Header(raw, found, data, what)


def _exactly(stream: BinaryIO, size: int, what: str) -> bytes:
    found = stream.read(size) if size else b""
    while len(found) < size and (more := stream.read(size - len(found))):
        found += more
    if len(found) < size:
        raise FormatError(f"{what}: truncated within its header", hint="download it again")
    return found


def _is_one_signature(packet: bytes) -> bool:
    """Return whether this is one signature packet and nothing else (RFC 9580 section 4.2): no text hides behind it."""
    if len(packet) < 6:
        return False
    tag, first = packet[0], packet[1]
    if tag & 0xC0 == 0x80:  # old format: the two low bits say how long the length is
        width = {0: 1, 1: 2, 2: 4}.get(tag & 3, 0)
        return tag >> 2 & 15 == 2 and width > 0 and int.from_bytes(packet[1 : 1 + width]) == len(packet) - 1 - width
    if tag != 0xC2:
        return False
    if first < 192:
        return first == len(packet) - 2
    if first < 224:
        return ((first - 192) << 8) + packet[2] + 192 == len(packet) - 3
    return first == 255 and int.from_bytes(packet[2:6]) == len(packet) - 6
