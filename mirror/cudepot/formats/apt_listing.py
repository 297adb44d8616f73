"""Which files a Packages index names, read as a stream: memory does not grow with the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from cudepot.digest import CHUNK, Digest, Promise
from cudepot.errors import FormatError
from cudepot.paths import safe_name

_STANZA_LIMIT = 16 << 20
"""Bytes one stanza may have; real ones have a few thousand."""
_BREAK = re.compile(rb"\n(?:[ \t\r]*\n)+")
_FIELD = re.compile(rb"^(filename|size|sha256|sha512):[ \t]*([^\n]*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE)
_HINT = "this index cannot be mirrored as it is: tell the upstream, or pin the packages you need"
_NAMES = {b"filename", b"size"}
_HASHES = {b"sha256", b"sha512"}


def listing(stream: BinaryIO, what: str) -> Iterator[tuple[str, Digest | Promise]]:
    """Give path and digest of every package, in the order of the index; paths are made plain (``./x`` is ``x``).

    Where the index has no sha256 (nvidia.github.io), a promise by sha512 takes its place.

    Raises:
        FormatError: a stanza lacks one of them, has it twice, or names a path outside the repository.
    """
    for number, raw in enumerate(stanzas(stream, what), 1):
        try:
            yield _listed(raw)
        except (FormatError, UnicodeDecodeError) as error:
            raise FormatError(f"{what}, stanza {number}: {error}", hint=_HINT) from error


def _listed(raw: bytes) -> tuple[str, Digest | Promise]:
    pairs = [(name.lower(), text) for name, text in _FIELD.findall(raw)]
    fields = dict(pairs)
    if len(pairs) != len(fields) or not fields.keys() >= _NAMES or not fields.keys() & _HASHES:
        raise FormatError("Filename, Size and SHA256 (or SHA512) are needed, each once")
    size = fields[b"size"]
    if not size.isdigit() or len(size) > 18:
        raise FormatError(f"bad Size {size[:40]!r}")
    path = safe_name(fields[b"filename"].decode())
    if b"sha256" in fields:
        return path, Digest(fields[b"sha256"].decode().lower(), int(size))
    return path, Promise(fields[b"sha512"].decode().lower(), int(size))


def stanzas(stream: BinaryIO, what: str) -> Iterator[bytes]:
    """Give the stanzas of an index one by one; raise FormatError when one has no end."""
    rest = b""
    while chunk := stream.read(CHUNK):
        *whole, rest = _BREAK.split(rest + chunk)
        yield from (one for one in whole if one.strip())
        if len(rest) > _STANZA_LIMIT:
            raise FormatError(f"{what}: a stanza of more than {_STANZA_LIMIT} bytes")
    if rest.strip():
        yield rest
