"""One volume of a bundle: plain ustar, of which exactly one form is accepted; its signature is checked first.

Source: IEEE Std 1003.1 (pax, "ustar Interchange Format"). A header counts only when it is, byte for byte, the one
cudepot writes for its name and size: links, devices, paths, owners and sparse files cannot be said.
"""

import itertools
import os
import re
from typing import BinaryIO, Callable, Iterator, List, NamedTuple

from cudepot_far.errors import ConfigError, FormatError, TrustError
from cudepot_far.manifest import Manifest, parse_manifest, sums
from cudepot_far.openpgp import is_plain_armor
from cudepot_far.values import Digest, checked, chunks_of, digest_of

BLOCK = 512
MOST = 8**11 - 1  # bytes of the largest member: eleven octal digits
FIRST = ("manifest.json", "manifest.json.asc", "SHA256SUMS")
LIMITS = {FIRST[0]: 64 << 20, FIRST[1]: 64 << 10, FIRST[2]: 64 << 20}  # bytes, read before a signature was checked
_NAME = re.compile(r"objects/[0-9a-f]{64}")
_SIZE = re.compile(rb"[0-7]{11}")
_HINT = "it was damaged in transit, or is not a bundle: compare it with its SHA256SUMS and copy it again"
Verify = Callable[[bytes, bytes, str], object]
"""Checks the site's signature of a document; raises TrustError."""


class Member(NamedTuple):
    """One file of a volume: its name, its size, and where its bytes begin."""

    name: str
    size: int
    offset: int

    @property
    def digest(self) -> Digest:
        """What the name of an object promises."""
        return Digest(self.name[len("objects/") :], self.size)


class Volume(NamedTuple):
    """A volume whose manifest the site has signed, and whose members are those the manifest says."""

    path: str
    number: int
    manifest: Manifest
    document: bytes
    signature: bytes
    members: List[Member]

    @property
    def name(self) -> str:
        """What the bundle's manifest is called in the store."""
        return digest_of(self.document).sha256

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Give the bytes of an object; raise TrustError in the end when they are not those its name says."""
        what = f"{self.path}: {member.name}"
        with open(self.path, "rb") as handle:
            handle.seek(member.offset)
            yield from checked(chunks_of(handle, member.size, what), member.digest, what)


def header(name: str, size: int) -> bytes:
    """Return the header block of a member: a regular file, mode 0644, owner 0, time 0."""
    fields = (
        name.encode().ljust(100, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,
        b"%011o\0" % size + b"00000000000\0",
        b" " * 8 + b"0",
        bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167),
    )
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def members(stream: BinaryIO, what: str) -> Iterator[Member]:
    """Give the members of a volume in order, reading headers only.

    Raises:
        FormatError: the volume is cut, has something behind its end, or a header is not of the one form.
    """
    end, place = stream.seek(0, 2), 0
    while True:
        stream.seek(place)
        block = stream.read(BLOCK)
        if block == bytes(BLOCK):
            if stream.read(BLOCK + 1) != bytes(BLOCK):  # not all the rest: it may be any size
                raise FormatError(f"{what}: does not end where it should", _HINT)
            return
        member = _member(block, place + BLOCK, what)
        padding = -member.size % BLOCK
        place = member.offset + member.size + padding
        if place > end - 2 * BLOCK:
            raise FormatError(f"{what}: cut short in {member.name}", _HINT)
        stream.seek(member.offset + member.size)
        if any(stream.read(padding)):
            raise FormatError(f"{what}: there is hidden data after {member.name}", _HINT)
        yield member


def _member(block: bytes, offset: int, what: str) -> Member:
    if len(block) < BLOCK:
        raise FormatError(f"{what}: cut short, or not a bundle", _HINT)
    name, size = block[:100].rstrip(b"\0").decode("ascii", "replace"), block[124:135]
    if (name in FIRST or _NAME.fullmatch(name)) and _SIZE.fullmatch(size):
        found = Member(name, int(size, 8), offset)
        if header(name, found.size) == block:
            return found
    raise FormatError(f"{what}: member {name[:120]!r} at byte {offset - BLOCK} does not belong in a bundle", _HINT)


def open_volume(path: str, verify: Verify) -> Volume:
    """Read the head of a volume; nothing in it is parsed before the signature was found good.

    Raises:
        FormatError: cut, damaged, or not a bundle.
        TrustError: another site's.
        ConfigError: it cannot be read.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise ConfigError(f"{path}: is not a plain file", "name the volumes of a bundle")
    try:
        with open(path, "rb") as handle:
            found = list(itertools.islice(members(handle, path), len(FIRST)))
            head = [_small(handle, one, path) for one in found]
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the bundle: {error.strerror}", "check the name") from error
    if [one.name for one in found] != list(FIRST):
        raise FormatError(f"{path}: does not begin like a bundle", _HINT)
    document, signature, listed = head
    _check_signature(verify, document, signature, path)
    manifest = parse_manifest(document, f"{path}: {FIRST[0]}")
    objects = _objects(path, max([len(one) for one in manifest.volumes] + [0]))
    here = [one.digest for one in objects]
    for number, volume in enumerate(manifest.volumes, 1):
        if here == volume and listed == sums(document, signature, volume):
            return Volume(path, number, manifest, document, signature, objects)
    raise FormatError(f"{path}: its members are not those of a volume of its manifest", _HINT)


def _check_signature(verify: Verify, document: bytes, signature: bytes, path: str) -> None:
    what = f"{path}: {FIRST[0]}"
    try:
        verify(document, signature, what)
    except TrustError as error:
        message = f"not a bundle from the site this project mirrors: {error}"
        raise type(error)(message, error.hint) from error
    if not is_plain_armor(signature):
        raise FormatError(f"{path}: {FIRST[1]} was altered, although it still verifies", _HINT)


def _objects(path: str, most: int) -> List[Member]:
    """Return the members behind the head, and no more of them than the signed manifest has and one."""
    with open(path, "rb") as handle:
        found = list(itertools.islice(members(handle, path), len(FIRST), len(FIRST) + most + 1))
    if any(one.name in FIRST for one in found):
        raise FormatError(f"{path}: has a second head", _HINT)
    return found


def _small(handle: BinaryIO, member: Member, path: str) -> bytes:
    if member.size > LIMITS.get(member.name, LIMITS[FIRST[1]]):
        raise FormatError(f"{path}: {member.name} has {member.size} bytes, which is implausible", _HINT)
    handle.seek(member.offset)
    return handle.read(member.size)
