"""XML from outside, read so that it can do no harm: no entities, and large lists one entry at a time."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree import ElementTree

from cudepot.digest import CHUNK
from cudepot.errors import FormatError
from cudepot.formats.xml_rules import ENTITIES, MOST_ENTRY, check_root

_DECLARATION = re.compile(
    rb"""\A<\?xml\s+version=["']1\.[01]["'](\s+encoding=["'][Uu][Tt][Ff]-8["'])?(\s+standalone=["'](yes|no)["'])?\s*\?>"""
)
_ENCODING = re.compile(rb"""\A<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_ENCODINGS = ("utf-8", "us-ascii", "ascii", "iso-8859-", "windows-125")
_STRANGE = re.compile(rb"<[!?]|\0")
_ROOT = re.compile(rb"\s*<([^\s<>/]+)")
_BEGIN, _END = re.compile(rb"<package[\s>]"), re.compile(rb"</package\s*>")
_LONGEST = 64  # bytes of the longest of these two, blanks included


def parse_xml(text: bytes, what: str) -> ElementTree.Element:
    """Return a small document; raise FormatError when it is malformed or declares entities.

    A ``DOCTYPE`` that only names a DTD, as comps files have, is passed over: nothing is fetched.
    """
    try:
        plain = _decoded(text)
        if "<!ENTITY" in plain or re.search(r"<!DOCTYPE[^>]*\[", plain):
            raise FormatError(f"{what}: declares XML entities", hint=ENTITIES)
        return ElementTree.fromstring(plain)  # noqa: S314 - without a declaration there is nothing to expand
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise FormatError(f"{what}: not well-formed XML: {error}", hint="download it again") from error


def _decoded(text: bytes) -> str:
    """Return a document in the encoding it declares, or its first bytes tell (XML 1.0, appendix F)."""
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return text.decode("utf-16")
    plain = text.removeprefix(codecs.BOM_UTF8)
    declared = _ENCODING.match(plain)
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if not encoding.startswith(_ENCODINGS):
        raise ValueError(f"in the encoding {encoding}, which is not read")
    return plain.decode(encoding)


class Entries:
    """The ``<package>`` entries of primary, filelists or other, in order, as UTF-8 text.

    As a rule they are cut out of the document as they are. From the first comment, CDATA section, processing
    instruction or declaration on, and in another encoding than UTF-8 from the beginning, an XML parser reads the
    document, and each entry is written again (:mod:`.xml_rewritten`): these could hide a tag.

    Args:
        stream: the uncompressed document.
        what: how errors name it.
        root: name of its root element.

    Raises:
        FormatError: it is malformed, is another document, or declares entities.
    """

    def __init__(self, stream: BinaryIO, what: str, root: str = "metadata") -> None:
        self._stream, self._what, self._root = stream, what, root
        self._text = self._head = b""
        self._done = 0  # of the text: where the next entry is looked for

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._cut_out()
        except _StrangeError:
            from cudepot.formats.xml_rewritten import rewritten  # noqa: PLC0415 - seldom

            rest = itertools.chain([self._head + self._text[self._done :]], iter(lambda: self._stream.read(CHUNK), b""))
            yield from rewritten(rest, self._what, self._root)

    def _cut_out(self) -> Iterator[bytes]:
        self._begin()
        while begun := self._find(_BEGIN, self._done):
            self._head = self._head or self._text[: begun.start()]
            self._forget(begun.start())
            ended = self._find(_END, self._done)
            if ended is None:
                raise FormatError(f"{self._what}: its last entry does not end", hint="download it again")
            start, self._done = self._done, ended.end()
            yield self._text[start : self._done]

    def _begin(self) -> None:
        self._text = self._stream.read(CHUNK)
        plain = _DECLARATION.sub(b"", self._text.removeprefix(codecs.BOM_UTF8), count=1)
        if _STRANGE.search(plain):
            raise _StrangeError
        root = _ROOT.match(plain)
        check_root(root[1].decode(errors="replace") if root else "", self._root, self._what)

    def _find(self, pattern: re.Pattern[bytes], start: int) -> re.Match[bytes] | None:
        """Return where the pattern is found at or after ``start``, reading on as far as needed; None at the end."""
        while not (found := pattern.search(self._text, start)):
            start = max(start, len(self._text) - _LONGEST)
            chunk, last = self._stream.read(CHUNK), self._text[-1:]
            if not chunk:
                return None
            if len(self._text) > MOST_ENTRY:
                raise FormatError(f"{self._what}: an entry of more than {MOST_ENTRY} bytes", hint=ENTITIES)
            self._text += chunk
            if _STRANGE.search(last + chunk):
                raise _StrangeError
        return found

    def _forget(self, start: int) -> None:
        """Go to the entry at ``start``, and drop what was read before it, but not each time: it moves the rest."""
        self._done = start
        if start >= CHUNK // 2:
            self._text, self._done = self._text[start:], 0


class _StrangeError(Exception):
    """The document has something that could hide a tag."""
