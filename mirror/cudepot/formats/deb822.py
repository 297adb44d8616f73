"""Stanzas of Debian's control files, split and read as apt reads them: laxer than Policy lets writers be.

Source: Debian Policy 5.1, and what apt-get makes of odd ones (``tests/judge``): only an empty line ends a stanza, one
of white space goes on with its field; names have no case; the last of equal fields counts; a line without a colon
swallows the name of the next field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from cudepot.digest import CHUNK
from cudepot.errors import FormatError

Fields = dict[str, str]
"""Name → value, in the order of the text. Bytes that are no UTF-8 are kept as surrogates."""

STANZA_LIMIT = 1 << 20
"""Bytes one stanza may have: apt reads no more, real ones have a few thousand."""
_GAP = re.compile(rb"\n\r*\n[\r\n]*")
_FIELD = re.compile(r"([^:]*):([^\n]*(?:\n[ \t\v\f][^\n]*)*)(?:\n|\Z)")
_INDENTED = re.compile(r"(?:[ \t\v\f][^\n]*(?:\n|\Z))*")
_LINE_START = re.compile(r"(\A|\n)\r+(?=[^\n])")
_BLANK = " \t\n\v\f\r"
_KNOWN = {
    name.lower(): name
    for name in (
        *("Package", "Version", "Architecture", "Filename", "Size", "SHA256", "SHA512", "Source", "Multi-Arch"),
        *("Depends", "Pre-Depends", "Provides", "Conflicts", "Breaks", "Replaces", "Recommends", "Suggests"),
        *("Enhances", "Essential", "Installed-Size", "Description", "Maintainer", "Section", "Priority", "Homepage"),
        *("Origin", "Label", "Suite", "Codename", "Date", "Valid-Until", "Architectures", "Components"),
        *(
            "Status",
            "Acquire-By-Hash",
            "No-Support-for-Architecture-all",
            "Directory",
            "Checksums-Sha256",
            "Checksums-Sha512",
        ),
    )
}
"""Names as Policy writes them: whoever reads a field need not care how its writer did."""


def split(text: bytes) -> list[bytes]:
    """Return the stanzas of a text; the first is empty where the text begins with an empty line, as it is for apt."""
    found = _GAP.split(b"\n" + text if text[:1] == b"\n" else text)
    return found if found[-1].strip(b"\r\n") else found[:-1]


def split_stream(stream: BinaryIO, what: str) -> Iterator[bytes]:
    """Give the stanzas of a stream one by one, as :func:`split` does; memory does not grow with it.

    Raises:
        FormatError: a stanza is longer than apt reads.
    """
    rest = b""
    for number, chunk in enumerate(iter(lambda: stream.read(CHUNK), b"")):
        if not number and chunk[:1] == b"\n":
            yield b""
        *whole, rest = _GAP.split(rest + chunk if rest else chunk.lstrip(b"\r\n"))
        yield from (_bounded(one, what) for one in whole)
        _bounded(rest, what)
    if rest.strip(b"\r\n"):
        yield rest


def _bounded(stanza: bytes, what: str) -> bytes:
    if len(stanza) > STANZA_LIMIT:
        raise FormatError(f"{what}: a stanza of more than {STANZA_LIMIT} bytes", hint="apt cannot read it either")
    return stanza


def parse_stanza(text: bytes, what: str) -> Fields:
    """Return the fields of one stanza, by the names of Policy where it has them.

    The first line of a value has no white space around it; lines that go on with it are joined by newlines, without
    their first blank. Whatever else the text holds behind an empty line is left out.

    Raises:
        FormatError: its last line has no colon, so that apt would read on into the next stanza.
    """
    stanza = (split(text.lstrip(b"\r\n")) or [b""])[0].rstrip(b"\r\n")
    lines = stanza.decode(errors="surrogateescape")
    if "\r" in lines:
        lines = _LINE_START.sub(r"\1", lines)
    fields: Fields = {}
    names: dict[str, str] = {}
    indented = _INDENTED.match(lines)
    at = indented.end() if indented else 0
    while at < len(lines):
        found = _FIELD.match(lines, at)
        if not found:
            raise FormatError(f"{what}: not a field: {lines[at : at + 80]!r}")
        name = found[1].rstrip(_BLANK)
        low = name.lower()
        name = names.setdefault(low, _KNOWN.get(low, name))
        fields[name] = _value(found[2]) if "\n" in found[2] else found[2].strip(_BLANK)
        at = found.end()
    return fields


def _value(text: str) -> str:
    first, *more = text.split("\n")
    return "\n".join([first.strip(_BLANK), *(line[1:].rstrip("\r") for line in more)])
