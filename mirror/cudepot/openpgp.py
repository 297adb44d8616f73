"""OpenPGP keys and signatures as values: what a verifier's rules look at."""

from __future__ import annotations

import base64
from dataclasses import dataclass

HASHES = {
    1: "MD5", 2: "SHA1", 3: "RIPEMD160", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224",
    12: "SHA3-256", 14: "SHA3-512",
}  # fmt: skip
"""Hash algorithms by their number in RFC 9580 section 9.5."""

ALGORITHMS = {1: "rsa", 2: "rsa", 3: "rsa", 16: "elgamal", 17: "dsa", 18: "ecdh", 19: "ecdsa", 22: "eddsa", 27: "eddsa"}
"""Public key algorithms by their number in RFC 9580 section 9.1."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A primary key or a subkey.

    Attributes:
        algorithm: ``rsa``, ``dsa``, ``eddsa`` …, with ``bits`` beside it.
        created, expires: UTC dates as ISO 8601; ``expires`` is empty when it never does.
        revoked: whether its owner took it back.
        digest: hash of the newest self-signature that binds it; empty when there is none.
        signs: whether it may sign documents.
    """

    fingerprint: str
    algorithm: str
    bits: int
    created: str
    expires: str = ""
    revoked: bool = False
    digest: str = ""
    signs: bool = True


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as its file has it: the primary key first, then its subkeys."""

    uid: str
    parts: tuple[KeyPart, ...]

    @property
    def fingerprint(self) -> str:
        """Full fingerprint of the primary key."""
        return self.parts[0].fingerprint

    def part(self, fingerprint: str) -> KeyPart:
        """Return the part of that fingerprint; the primary key for one that is not here."""
        return next((one for one in self.parts if one.fingerprint == fingerprint), self.parts[0])


@dataclass(frozen=True, slots=True)
class DocumentSignature:
    """One signature of a document as gpgv saw it.

    Attributes:
        signer: fingerprint of the primary key; empty when the key is not at hand.
        part: fingerprint of the key or subkey that signed.
        digest: name of its hash; empty when it could not be checked.
        expires: UTC date; empty when it never does.
        fault: why gpgv does not accept it; empty when it does.
    """

    signer: str
    part: str
    digest: str
    expires: str
    fault: str


def packet_algorithms(packet: bytes) -> tuple[int, int, bytes]:
    """Return public key algorithm, hash algorithm and issuer of a version 4 signature packet; zeros for another.

    Nothing is verified: it tells signatures apart that were made in different ways (RFC 9580 section 5.2.3).
    """
    if len(packet) < 2:
        return 0, 0, b""
    old = packet[:1] < b"\xc0"
    width = {0: 2, 1: 3, 2: 5}.get(packet[0] & 3, 1) if old else (2 if packet[1] < 192 else 3 if packet[1] < 224 else 6)
    body = packet[width:]
    if len(body) < 6 or body[0] != 4:
        return 0, 0, b""
    end = 6 + int.from_bytes(body[4:6])
    unhashed = body[end + 2 : end + 2 + int.from_bytes(body[end : end + 2])]
    parts = [one for area in (body[6:end], unhashed) for one in _subpackets(area)]
    return body[2], body[3], next((data[-8:] for kind, data in parts if kind in (16, 33)), b"")


def _subpackets(area: bytes) -> list[tuple[int, bytes]]:
    """Return type and content of the subpackets of a signature (RFC 9580 section 5.2.3.7), as far as they are whole."""
    found = []
    while area:
        width = 1 if area[0] < 192 else 2 if area[0] < 255 else 5
        if len(area) < width:
            break
        size = area[0] if width == 1 else ((area[0] - 192) << 8) + area[1] + 192 if width == 2 else 0
        size = int.from_bytes(area[1:5]) if width == 5 else size
        if not 0 < size <= len(area) - width:
            break
        found.append((area[width] & 0x7F, area[width + 1 : width + size]))
        area = area[width + size :]
    return found


def is_plain_armor(text: bytes) -> bool:
    """Return whether a detached signature in text form is, byte for byte, what its own content is written as.

    Verifiers overlook damage in the armour (RFC 9580 section 6: line ends, checksum, what follows) and in parts of a
    signature that nothing covers; a store that looks for flipped bits must not.
    """
    lines = text.split(b"\n")
    try:
        body = [line for line in lines[2 : lines.index(_END)] if not line.startswith(b"=")]
        data = base64.b64decode(b"".join(body), validate=True)
    except ValueError:
        return False
    return text in (_armor(data, _checksum(data)), _armor(data, b""))


def armored_keys(data: bytes) -> bytes:
    """Return public keys as text; those that are text stay as they are."""
    if data.startswith(b"-----BEGIN "):
        return data
    return _armor(data, _checksum(data), _BEGIN_KEYS, _END_KEYS)


_BEGIN, _END = b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----"
_BEGIN_KEYS, _END_KEYS = (b"-----%s PGP PUBLIC KEY BLOCK-----" % one for one in (b"BEGIN", b"END"))


def _checksum(data: bytes) -> bytes:
    return b"=" + base64.b64encode(_crc24(data).to_bytes(3)) + b"\n"


def _armor(data: bytes, checksum: bytes, begin: bytes = _BEGIN, end: bytes = _END) -> bytes:
    encoded = base64.b64encode(data)
    lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    return b"\n".join([begin, b"", *lines]) + b"\n" + checksum + end + b"\n"


def _crc24(data: bytes) -> int:
    """Return the checksum of RFC 9580 section 6.1.1."""
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc & 0xFFFFFF
