"""Which files a Sources index names, read as a stream (Debian Policy 5.4 and 5.6.24)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError
from cudepot.formats.deb822 import parse_stanza, split_stream
from cudepot.paths import safe_name

_HINT = "this index cannot be mirrored as it is: report it to the upstream, or omit `sources`"


def sources_listing(stream: BinaryIO, what: str) -> Iterator[tuple[str, Digest | Promise]]:
    """Give path and digest of every file of every source package, in the order of the index.

    Raises:
        FormatError: a stanza lacks them, or names a path outside the repository.
    """
    for number, raw in enumerate(split_stream(stream, what), 1):
        try:
            yield from _listed(raw)
        except (FormatError, UnicodeEncodeError) as error:
            raise FormatError(f"{what}, stanza {number}: {error}", hint=_HINT) from error


def _listed(raw: bytes) -> Iterator[tuple[str, Digest | Promise]]:
    fields = {name.lower(): text for name, text in parse_stanza(raw, "").items()}
    best = next((one for one in ("checksums-sha256", "checksums-sha512") if one in fields), "")
    if not best:
        raise FormatError("Directory and Checksums-Sha256 (or Checksums-Sha512) are needed")
    folder = fields.get("directory", "").strip() or "."
    for line in fields[best].splitlines():
        if words := line.split():
            yield _file(words, folder, best)


def _file(words: list[str], folder: str, field: str) -> tuple[str, Digest | Promise]:
    if len(words) != 3 or not words[1].isdigit() or len(words[1]) > 18 or "/" in words[2]:
        raise FormatError(f"bad line in {field}: {' '.join(words)[:120]!r}")
    value, size, path = words[0].lower(), int(words[1]), safe_name(f"{folder}/{words[2]}")
    path.encode()
    return path, Digest(value, size) if field == "checksums-sha256" else Promise(value, size)
