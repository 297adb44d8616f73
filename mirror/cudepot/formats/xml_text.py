"""XML from outside, read so that it can do no harm: UTF-8 only, no entities, and large lists one entry at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree import ElementTree

from cudepot.digest import CHUNK
from cudepot.errors import FormatError

_MOST_ENTRY = 64 << 20  # bytes of one package's entry; the file list of the largest has a few MB
_DECLARATION = re.compile(
    rb"""\A<\?xml\s+version=["']1\.[01]["'](\s+encoding=["'][Uu][Tt][Ff]-8["'])?(\s+standalone=["'](yes|no)["'])?\s*\?>"""
)
_STRANGE = re.compile(rb"<[!?]|\0")
_BEGIN, _END = re.compile(rb"<package[\s>]"), re.compile(rb"</package>")
_LONGEST = 10  # bytes of the longest of these two
_HINT = "it may be made to exhaust memory or to mislead: do not use it"


def escaped(text: str) -> str:
    """Return text as XML has it, between tags or between double quotes.

    ``xml.sax.saxutils`` does the same; importing it takes as long as a whole run with nothing new may add.
    """
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\n", "&#10;")):
        text = text.replace(sign, entity)
    return text


def unescaped(text: str) -> str:
    """Return text with XML's five predefined entities replaced."""
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def parse_xml(text: bytes, what: str) -> ElementTree.Element:
    """Return a small document; raise FormatError when it is malformed, not UTF-8, or declares entities.

    A ``DOCTYPE`` that only names a DTD, as comps files have, is passed over: nothing is fetched.
    """
    try:
        plain = text.removeprefix(b"\xef\xbb\xbf").decode()
        if "<!ENTITY" in plain or re.search(r"<!DOCTYPE[^>]*\[", plain):
            raise FormatError(f"{what}: declares XML entities", hint=_HINT)
        return ElementTree.fromstring(plain)  # noqa: S314 - without a declaration there is nothing to expand
    except (ElementTree.ParseError, ValueError) as error:
        raise FormatError(f"{what}: not well-formed XML: {error}", hint="download it again") from error


class Entries:
    """The ``<package>`` entries of primary, filelists or other, in order, as they stand in the document.

    They can be cut out as text because everything that could hide a tag is refused: comments, CDATA, processing
    instructions and declarations, none of which repository tools write.

    Attributes:
        head: what stands before the first entry; complete once iteration has begun.
        tail: what stands behind the last; complete once iteration has ended.
    """

    def __init__(self, stream: BinaryIO, what: str) -> None:
        self._stream, self._what = stream, what
        self._text = b""
        self.head = self.tail = b""

    def __iter__(self) -> Iterator[bytes]:
        self._text = self._begun()
        position, first = 0, True
        while (start := self._find(_BEGIN, position)) >= 0:
            if first:
                self.head, first = self._text[:start], False
            start -= self._forget(start)
            end = self._find(_END, start)
            if end < 0:
                raise FormatError(f"{self._what}: its last entry does not end", hint="download it again")
            position = end + len(b"</package>")
            yield self._text[start:position]
        self.tail = self._text[position:]
        self.head = self.head or self.tail

    def _find(self, pattern: re.Pattern[bytes], start: int) -> int:
        """Return where the pattern begins at or after ``start``, reading on as far as needed; -1 at the end."""
        while not (found := pattern.search(self._text, start)):
            start = max(start, len(self._text) - _LONGEST)
            chunk = self._checked(self._stream.read(CHUNK), self._text[-1:])
            if not chunk:
                return -1
            if len(self._text) > _MOST_ENTRY:
                raise FormatError(f"{self._what}: an entry of more than {_MOST_ENTRY} bytes", hint=_HINT)
            self._text += chunk
        return found.start()

    def _forget(self, count: int) -> int:
        """Drop the beginning of what was read, but not for every entry: it moves the rest; return how much."""
        if count < CHUNK // 2:
            return 0
        self._text = self._text[count:]
        return count

    def _begun(self) -> bytes:
        chunk = self._stream.read(CHUNK)
        plain = _DECLARATION.sub(b"", chunk.removeprefix(b"\xef\xbb\xbf"), count=1)
        self._checked(plain, b"")
        return chunk

    def _checked(self, chunk: bytes, before: bytes) -> bytes:
        if _STRANGE.search(before + chunk):
            raise FormatError(f"{self._what}: declares XML entities, or is no plain UTF-8 XML", hint=_HINT)
        return chunk
