"""How yum's repomd.xml leads to packages. Source: createrepo_c's schemas."""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple
from xml.parsers import expat

from cudepot_far.promises import ENTRY, SIZE, SUM, Chunks, Kind, Promise, plain_text, refuse
from cudepot_far.values import plain, safe_name

_REPO, _COMMON = "http://linux.duke.edu/metadata/repo", "http://linux.duke.edu/metadata/common"
_XML_BASE = "http://www.w3.org/XML/1998/namespace base"
_TYPES = {"primary", "filelists", "other", "updateinfo", "group", "group_gz", "modules"}
_STRONG = {"sha256": 64, "sha512": 128}


class _Element(NamedTuple):
    """One element that was closed: its path of names, attributes, and text."""

    names: Tuple[str, ...]
    attributes: Dict[str, str]
    text: str


class _Reader:
    """What expat calls while it reads: elements are in ``ready`` once they were closed."""

    def __init__(self, what: str, ours: bool) -> None:
        self._what, self._ours = what, ours
        self._stack: List[Tuple[str, Dict[str, str], List[str]]] = []
        self.ready: List[_Element] = []
        self.parser = expat.ParserCreate(None, " ")
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler, self.parser.XmlDeclHandler = self._data, self._declared
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: Dict[str, str]) -> None:
        self._stack.append((name, attributes, []))

    def _end(self, _: str) -> None:
        _, attributes, text = self._stack[-1]
        self.ready.append(_Element(tuple(one[0] for one in self._stack), attributes, "".join(text)))
        self._stack.pop()

    def _data(self, text: str) -> None:
        if self._stack:
            self._stack[-1][2].append(text)

    def _declared(self, _: str, encoding: Optional[str], __: int) -> None:
        if self._ours and encoding and encoding.lower() not in ("utf-8", "us-ascii"):
            raise refuse(self._what, f"is written in {encoding[:40]!r}, not in UTF-8", self._ours)

    def _doctype(self, *_: Any) -> None:
        raise refuse(self._what, "has a DOCTYPE, which may exhaust memory or mislead", self._ours)

    def read(self, chunk: bytes, last: bool) -> List[_Element]:
        """Read on, and return the elements that were closed meanwhile."""
        try:
            self.parser.Parse(chunk, last)
        except (expat.ExpatError, LookupError, ValueError) as error:  # an encoding nobody knows is no ExpatError
            raise refuse(self._what, f"is not XML: {error}", self._ours) from error
        found, self.ready = self.ready, []
        return found


def _elements(chunks: Chunks, what: str, ours: bool) -> Iterator[_Element]:
    """Give every element as it is closed; names have their namespace and a blank before them."""
    reader, size = _Reader(what, ours), 0
    for chunk in chunks:
        found = reader.read(chunk, False)
        size = 0 if found else size + len(chunk)
        if size > ENTRY:
            raise refuse(what, "an entry of implausible size", ours)
        yield from found
    yield from reader.read(b"", True)


def _records(text: bytes, what: str, ours: bool) -> Iterator[Tuple[str, str, Promise]]:
    """Give type, path and promise of each record of a repomd.xml."""
    found: Dict[str, List[_Element]] = {"checksum": [], "location": [], "size": []}
    top = ""
    for one in _elements(iter([text]), what, ours):
        top = one.names[0]
        space, _, name = one.names[-1].rpartition(" ")
        if ours and space != _REPO:
            raise refuse(what, "has elements of another kind", ours)
        if one.names[-1] == _REPO + " data" and len(one.names) == 2:
            yield _record(one.attributes.get("type", ""), found, what, ours)
            found = {"checksum": [], "location": [], "size": []}
        elif len(one.names) == 3 and name in found:
            found[name].append(one)
        elif ours and name in ("checksum", "location", "data"):
            raise refuse(what, "has a record in a place of its own", ours)
    if top != _REPO + " repomd":
        raise refuse(what, "is not a repomd.xml", ours)


def _record(type_: str, found: Dict[str, List[_Element]], what: str, ours: bool) -> Tuple[str, str, Promise]:
    if any(len(one) != 1 for one in found.values()) or not type_:
        raise refuse(what, f"a record ({type_[:40]}) without type, checksum, size or place, or with two", ours)
    checksum, location, size = (found[name][0] for name in ("checksum", "location", "size"))
    kind, value = checksum.attributes.get("type", ""), checksum.text.strip().lower()
    href = location.attributes.get("href", "")
    if _STRONG.get(kind) != len(value) or not SUM.fullmatch(value) or not SIZE.fullmatch(size.text.strip()):
        raise refuse(what, f"a record ({type_[:40]}) without a strong checksum or a size", ours)
    if _XML_BASE in location.attributes or "://" in href:
        raise refuse(what, f"a record ({type_[:40]}) that is stored elsewhere", ours)
    return type_, safe_name(href), Promise(kind, value, int(size.text.strip()))


def _repomd(text: bytes, what: str, ours: bool = False) -> Dict[str, Promise]:
    """Return what a repomd.xml names; of the site's own, only what lists packages."""
    records = list(_records(text, what, ours))
    if not ours:
        return {href: promise for _, href, promise in records}
    kinds = [type_ for type_, _, _ in records]
    if kinds.count("primary") != 1 or not set(kinds) <= _TYPES or len(set(kinds)) < len(kinds):
        raise refuse(what, f"has metadata of types {', '.join(kinds)[:80]}", ours)
    return {href: promise for type_, href, promise in records if type_ == "primary"}


def _repomd_lists(text: bytes, what: str) -> Set[str]:
    return {href for type_, href, _ in _records(text, what, False) if type_ == "primary"}


def _primary(chunks: Chunks, what: str, ours: bool = False) -> Iterator[Promise]:
    """Give what a primary.xml promises of each package."""
    found: Dict[str, List[_Element]] = {"checksum": [], "location": [], "size": []}
    for one in _elements(plain_text(chunks, what, ours), what, ours):
        _, _, name = one.names[-1].rpartition(" ")
        inside = len(one.names) == 3 and one.names[1] == _COMMON + " package"
        if one.names[-1] == _COMMON + " package" and len(one.names) == 2:
            promise = _package(found, what, ours)
            if promise is not None:
                yield promise
            found = {"checksum": [], "location": [], "size": []}
        elif inside and name in found:
            found[name].append(one)
        elif ours and name in ("package", "checksum", "location"):
            raise refuse(what, "has a package in a place of its own", ours)


def _package(found: Dict[str, List[_Element]], what: str, ours: bool) -> Any:
    if any(len(one) != 1 for one in found.values()):
        if ours:
            raise refuse(what, "a package without checksum, size or place, or with two", ours)
        return None
    checksum, location, size = (found[name][0] for name in ("checksum", "location", "size"))
    kind, value = checksum.attributes.get("type", ""), checksum.text.strip().lower()
    bytes_ = size.attributes.get("package", "")
    good = _STRONG.get(kind) == len(value) and SUM.fullmatch(value) and SIZE.fullmatch(bytes_)
    href = location.attributes.get("href", "")
    if ours and (not good or _XML_BASE in location.attributes or not plain(href)):
        raise refuse(what, "a package without a strong checksum, or that is stored elsewhere", ours)
    return Promise(kind, value, int(bytes_)) if good else None


YUM = Kind("yum", "yum/", ".rpm", ("repomd.xml",), _repomd, _repomd_lists, _primary)
