"""Makes rpms as rpm before 4.14 made them: no digest of the payload in the header, a signature over the whole file."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from cudepot.formats.rpm_header import MAGIC, read_head
from simulator.keys import Key, KeyHome

_SIZE, _MD5, _SHA1, _RSA, _WHOLE, _REGION = 1000, 1004, 269, 268, 1002, 62
_BINARY, _STRING, _NUMBER = 7, 6, 4
_DIGEST_TAGS = {5092: 5992, 5093: 5993, 5097: 5997}
"""Tags of the payload's digests, and numbers that mean nothing to anybody."""


def make_old(path: Path, home: KeyHome, key: Key, *, header: bool = True, whole: bool = True) -> Path:
    """Rewrite an rpm in place: without digests of its payload, and with the signatures asked for only."""
    data = path.read_bytes()
    with path.open("rb") as handle:
        head = read_head(handle, what=path.name)
    raw, payload = _without_digests(head.header.raw), data[head.payload :]
    entries = [(_SHA1, _STRING, 1, hashlib.sha1(raw, usedforsecurity=False).hexdigest().encode() + b"\0")]
    if header:
        entries.insert(0, (_RSA, _BINARY, 0, _signed(home, key, raw)))
    entries.append((_SIZE, _NUMBER, 1, struct.pack(">I", len(raw) + len(payload))))
    if whole:
        entries.append((_WHOLE, _BINARY, 0, _signed(home, key, raw + payload)))
    entries.append((_MD5, _BINARY, 0, hashlib.md5(raw + payload, usedforsecurity=False).digest()))
    signatures = _header(entries)
    path.write_bytes(data[:96] + signatures + bytes(-len(signatures) % 8) + raw + payload)
    return path


def _signed(home: KeyHome, key: Key, data: bytes) -> bytes:
    return home.gpg("--digest-algo", "SHA512", "--local-user", key.fingerprint, "--detach-sign", data=data)


def _without_digests(raw: bytes) -> bytes:
    count = struct.unpack(">I", raw[8:12])[0]
    index = [struct.unpack(">IIII", raw[at : at + 16]) for at in range(16, 16 + count * 16, 16)]
    changed = b"".join(struct.pack(">IIII", _DIGEST_TAGS.get(tag, tag), *rest) for tag, *rest in index)
    return raw[:16] + changed + raw[16 + count * 16 :]


def _header(entries: list[tuple[int, int, int, bytes]]) -> bytes:
    """Return a signature header, its region included."""
    index, store = b"", b""
    for tag, kind, count, data in entries:
        store += bytes(-len(store) % 4) if kind == _NUMBER else b""
        index += struct.pack(">IIII", tag, kind, len(store), count or len(data))
        store += data
    region = struct.pack(">IIII", _REGION, _BINARY, len(store), 16)
    store += struct.pack(">IIiI", _REGION, _BINARY, -16 * (len(entries) + 1), 16)
    return MAGIC + struct.pack(">II", len(entries) + 1, len(store)) + region + index + store
