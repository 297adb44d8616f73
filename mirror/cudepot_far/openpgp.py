"""OpenPGP as far as no gpg is needed for it: key files out of their armour, fingerprints, plain signatures. Pure.

Sources: RFC 9580, sections 4.2 (packet headers), 5.5.4 (fingerprints) and 6 (armour).
"""

import base64
import binascii
import hashlib
import re
from typing import Iterator, List, Tuple

from cudepot_far.errors import ConfigError

_BLOCK = re.compile(
    rb"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\n(.*?)\n-----END PGP PUBLIC KEY BLOCK-----", re.MULTILINE | re.DOTALL
)
_PUBLIC_KEY = 6  # packet type of a primary key
_HINT = "use keys/site.asc or keys/site.gpg of the site, and nothing else"


def keyring(data: bytes, what: str) -> bytes:
    """Return the bytes of a key file as a binary keyring, which is all that gpgv reads everywhere.

    Raises:
        ConfigError: its armour is damaged, or it is a keybox.
    """
    if data[8:12] == b"KBXf":
        raise ConfigError(f"{what}: is a keybox", "export the key: gpg --export FINGERPRINT > site.gpg")
    blocks = _BLOCK.findall(data.replace(b"\r\n", b"\n"))
    if not blocks:
        if b"-----BEGIN PGP" in data:
            raise ConfigError(f"{what}: not an OpenPGP public key, or cut short", _HINT)
        return data
    return b"".join(_dearmored(one, what) for one in blocks)


def _dearmored(block: bytes, what: str) -> bytes:
    lines = [line.strip() for line in block.split(b"\n")]
    try:
        body = lines[lines.index(b"") + 1 :]
        data = base64.b64decode(b"".join(one for one in body if not one.startswith(b"=")), validate=True)
        sums = [base64.b64decode(one[1:], validate=True) for one in body if one.startswith(b"=")]
    except (ValueError, binascii.Error) as error:
        raise ConfigError(f"{what}: not an OpenPGP public key: {error}", _HINT) from error
    if any(one != _crc24(data).to_bytes(3, "big") for one in sums):
        raise ConfigError(f"{what}: the checksum of the armour is wrong", _HINT)
    return data


def fingerprints(data: bytes, what: str) -> List[str]:
    """Return the fingerprints of the primary keys of a binary keyring.

    Raises:
        ConfigError: it is none, or has a key of a version whose fingerprint is not known.
    """
    found = [_fingerprint(body, what) for kind, body in packets(data, what) if kind == _PUBLIC_KEY]
    if not found:
        raise ConfigError(f"{what}: not an OpenPGP public key", _HINT)
    return found


def _fingerprint(body: bytes, what: str) -> str:
    if body[:1] == b"\x04":
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
    if body[:1] == b"\x06":
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise ConfigError("{}: holds a key of version {}".format(what, body[0] if body else "none"), _HINT)


def packets(data: bytes, what: str) -> Iterator[Tuple[int, bytes]]:
    """Give type and body of the packets of a keyring; raise ConfigError when it is none."""
    while data:
        kind, start, size = _head(data)
        if not start or len(data) < start + size:
            raise ConfigError(f"{what}: not an OpenPGP keyring, or cut short", _HINT)
        yield kind, data[start : start + size]
        data = data[start + size :]


def _head(data: bytes) -> Tuple[int, int, int]:
    """Return type, where the body begins, and its size; a beginning of 0 for what is no packet of known length."""
    first = data[0]
    if not first & 0x80 or len(data) < 6:
        return 0, 0, 0
    if first & 0x40:
        if data[1] < 192:
            return first & 0x3F, 2, data[1]
        if data[1] < 224:
            return first & 0x3F, 3, ((data[1] - 192) << 8) + data[2] + 192
        return (first & 0x3F, 6, int.from_bytes(data[2:6], "big")) if data[1] == 255 else (0, 0, 0)
    width = (1, 2, 4, 0)[first & 3]
    return (first >> 2 & 0xF, 1 + width, int.from_bytes(data[1 : 1 + width], "big")) if width else (0, 0, 0)


_BEGIN, _END = b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----"


def is_plain_armor(written: bytes) -> bool:
    """Return whether a detached signature is, byte for byte, what its own content is written as.

    Verifiers overlook damage in the armour; a store that looks for flipped bits must not.
    """
    lines = written.split(b"\n")
    try:
        body = [line for line in lines[2 : lines.index(_END)] if not line.startswith(b"=")]
        data = base64.b64decode(b"".join(body), validate=True)
    except ValueError:
        return False
    crc = b"=" + base64.b64encode(_crc24(data).to_bytes(3, "big")) + b"\n"
    return written in (_armor(data, crc), _armor(data, b""))


def _armor(data: bytes, checksum: bytes) -> bytes:
    encoded = base64.b64encode(data)
    lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    return b"\n".join([_BEGIN, b"", *lines]) + b"\n" + checksum + _END + b"\n"


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
