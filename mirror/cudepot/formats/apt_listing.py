"""Which files a Packages index names, read as a stream: memory does not grow with the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError
from cudepot.formats.deb822 import Fields, parse_stanza, split_stream
from cudepot.paths import safe_name

_FIELD = re.compile(rb"^(Package|Version|Architecture|Filename|Size|SHA256|SHA512):[ \t]*([^\n]*)", re.MULTILINE)
_OURS = ("Package", "Version", "Architecture", "Filename", "Size", "SHA256")
"""Fields that every stanza written by cudepot has."""
_SWALLOWS = re.compile(rb"^[^ \t\v\f:][^:\n]*$", re.MULTILINE)
"""A line without a colon: apt takes the next field's name for a part of it."""
_SIZE = re.compile(r"\+?[0-9]{1,18}")
_HEX = re.compile(r"[0-9a-f]+")
_HINT = "this index cannot be mirrored as it is: report it to the upstream, or pin just the packages you need"
Listed = tuple[str, Digest | Promise | None]
"""Path, made plain (``./x`` is ``x``), and what the index says of the file; None where apt would fetch none."""


def listing(stream: BinaryIO, what: str) -> Iterator[Listed]:
    """Give path and digest of every package, in the order of the index.

    Where the index has no sha256 (nvidia.github.io), a promise by sha512 takes its place. What apt passes over is
    passed over: a stanza without a version is no package, and one without a file, or with weak sums only, is nothing
    that anybody could fetch.

    Raises:
        FormatError: apt refuses the index, or a stanza names a path outside the repository.
    """
    for number, raw in enumerate(split_stream(stream, what), 1):
        try:
            found = _listed(raw)
        except (FormatError, UnicodeEncodeError) as error:
            raise FormatError(f"{what}, stanza {number}: {error}", hint=_HINT) from error
        if found:
            yield found


def listing_of_ours(stream: BinaryIO, what: str) -> Iterator[tuple[str, Digest]]:
    """Give path and digest of every package of an index that cudepot wrote: all that it says must be readable.

    An index of an upstream may hold what apt passes over; whoever signs ours with a stolen key must not hide there
    what another client reads otherwise.

    Raises:
        FormatError: a stanza lacks a field that cudepot always writes, or names no plain path or sha256.
    """
    for number, raw in enumerate(split_stream(stream, what), 1):
        try:
            fields = quick_fields(raw)
            lacking = [name for name in _OURS if not fields.get(name)]
            found = _listed(raw) if not lacking else None
        except (FormatError, UnicodeEncodeError) as error:
            raise FormatError(f"{what}, stanza {number}: {error}", hint=_HINT) from error
        if found is None or not isinstance(found[1], Digest):
            raise FormatError(f"{what}, stanza {number}: lacks {', '.join(lacking) or 'a sha256'}")
        yield found[0], found[1]


def _listed(raw: bytes) -> Listed | None:
    fields = quick_fields(raw)
    if not fields.get("Package"):
        raise FormatError("no Package field, so apt refuses the whole index")
    if not fields.get("Version") or not fields.get("Filename"):
        return None
    path, text = safe_name(fields["Filename"]), fields.get("Size", "")
    path.encode()
    if not _SIZE.fullmatch(text):
        raise FormatError(f"no usable Size ({text[:40]!r}), so apt refuses the whole index")
    return path, _promised(fields, int(text))


def _promised(fields: Fields, size: int) -> Digest | Promise | None:
    for name, made in (("SHA256", Digest), ("SHA512", Promise)):
        if name in fields:
            if not _HEX.fullmatch(fields[name]):
                raise FormatError(f"{name} {fields[name][:80]!r}: apt accepts only lower-case checksums")
            return made(fields[name], size)
    return None


def quick_fields(raw: bytes, pattern: re.Pattern[bytes] = _FIELD) -> Fields:
    """Return the fields of a stanza that ``pattern`` finds, without parsing the rest where it is written as most are.

    Args:
        raw: the stanza.
        pattern: gives name and value of each; it has to find all of :data:`_OURS`.
    """
    pairs = pattern.findall(raw)
    found = {name.decode(): text.decode(errors="surrogateescape").strip() for name, text in pairs}
    if len(found) < len(pairs) or _is_odd(raw, found):
        return {name: text.strip() for name, text in parse_stanza(raw, "").items()}
    return found


def _is_odd(raw: bytes, found: Fields) -> bool:
    """Return whether a stanza is written in a way that only a full parser reads as apt does."""
    return not all(found.get(name) for name in _OURS) or b"\n\r" in raw or _SWALLOWS.search(raw) is not None
