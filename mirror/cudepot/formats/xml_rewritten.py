"""Rewrites the entries of an XML list that is no plain text (comments, CDATA, other encodings) as plain UTF-8 text.

Expat reads the document in whichever encoding it declares (XML 1.0); nothing outside it is fetched, and entities of
its own are refused. Names keep their prefixes, because dnf compares names as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.parsers import expat

from cudepot.errors import FormatError
from cudepot.formats.xml_rules import ENTITIES, MOST_ENTRY, check_root, escaped

_ENTRY = "package"
_DEEPEST = 100  # elements within each other; repository metadata have five


def rewritten(chunks: Iterable[bytes], what: str, root: str) -> Iterator[bytes]:
    """Give each ``<package>`` element of a document; raise FormatError when it is malformed or declares entities."""
    reader = _Reader(what, root)
    for chunk in chunks:
        yield from reader.read(chunk)
    yield from reader.read(b"", last=True)


def check_well_formed(chunks: Iterable[bytes], what: str, root: str) -> None:
    """Raise FormatError unless a document is well-formed XML with that root, and declares no entities."""
    reader = _Reader(what, root, text=False)
    for chunk in chunks:
        reader.read(chunk)
    reader.read(b"", last=True)


class _Reader:
    def __init__(self, what: str, root: str, *, text: bool = True) -> None:
        self._what, self._root, self._entry_by_entry = what, root, text
        self._parts: list[str] = []
        self._done: list[bytes] = []
        self._depth = self._entry = self._size = self._fed = 0
        self._parser = expat.ParserCreate()
        self._parser.ordered_attributes = self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start if text else self._start_root
        if text:
            self._parser.EndElementHandler = self._end
            self._parser.CharacterDataHandler = self._data

    def read(self, chunk: bytes, *, last: bool = False) -> list[bytes]:
        """Return the entries that end in these bytes."""
        self._done = []
        self._size += len(chunk)
        self._fed += len(chunk)
        try:
            self._parser.Parse(chunk, last)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise FormatError(f"{self._what}: not well-formed XML: {error}", hint="download it again") from error
        kept = self._size if self._entry_by_entry else self._fed - self._parser.CurrentByteIndex
        if kept > MOST_ENTRY:
            raise FormatError(f"{self._what}: an entry of more than {MOST_ENTRY} bytes", hint=ENTITIES)
        return self._done

    def _doctype(self, _name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
        if has_subset:
            self._refuse()

    def _refuse(self, *_: object) -> None:
        raise FormatError(f"{self._what}: declares XML entities", hint=ENTITIES)

    def _start_root(self, name: str, _attributes: list[str]) -> None:
        check_root(name, self._root, self._what)
        self._parser.StartElementHandler = None  # of thousands of elements nobody needs to hear

    def _start(self, name: str, attributes: list[str]) -> None:
        if not self._depth:
            check_root(name, self._root, self._what)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormatError(f"{self._what}: more than {_DEEPEST} elements within each other", hint=ENTITIES)
        if name == _ENTRY and not self._entry:
            self._entry, self._size = self._depth, 0
        if self._entry:
            pairs = zip(attributes[::2], attributes[1::2], strict=True)
            self._parts.append(f"<{' '.join([name, *(_attribute(*pair) for pair in pairs)])}>")

    def _end(self, name: str) -> None:
        if self._entry:
            self._parts.append(f"</{name}>")
        if self._entry == self._depth:
            self._done.append("".join(self._parts).encode())
            self._parts, self._entry, self._size = [], 0, 0
        self._depth -= 1

    def _data(self, text: str) -> None:
        if self._entry:
            self._parts.append(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _attribute(name: str, text: str) -> str:
    plain = escaped(text).replace("\t", "&#9;").replace("\r", "&#13;")
    return f'{name}="{plain}"'
