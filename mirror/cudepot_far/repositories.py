"""How a signed root leads to packages: apt's Release and Packages, yum's repomd.xml and primary.xml.

What an upstream signed is read as its clients read it. What the site itself signed is read strictly: whatever no
cudepot writes there, and some client might follow all the same, is refused.
Sources: the DebianRepository/Format page, createrepo_c's schemas.
"""

import hashlib
import io
import re
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, cast
from xml.parsers import expat

from cudepot_far.errors import FarError, FormatError, TrustError
from cudepot_far.packed import unpacked
from cudepot_far.store import Store
from cudepot_far.values import Digest, plain, safe_name

_HINT = "the near side or the bundle cannot be trusted: do not import it"
LIMIT = 8 << 30  # bytes an index may unpack to
_ENTRY = 64 << 20  # bytes of one package's entry in an index


class Promise(NamedTuple):
    """What an index says of a file: name of a strong hash, its value, bytes."""

    algorithm: str
    value: str
    size: int

    def kept_by(self, store: Store, digest: Digest) -> bool:
        """Return whether an object of the store is what was promised; it is read where that is no sha256."""
        if self.algorithm == "sha256":
            return (self.value, self.size) == tuple(digest)
        if self.size != digest.size or not store.has(digest):
            return False
        one = hashlib.sha512()
        for chunk in store.chunks(digest):
            one.update(chunk)
        return one.hexdigest() == self.value


Chunks = Iterator[bytes]


class Kind(NamedTuple):
    """One kind of repository.

    Attributes:
        type: of upstreams.
        room: folder of the site.
        suffix: of packages.
        roots: where clients begin.
        leads_to: gives path → promise of what a root names; with ``ours`` strictly.
        leads_to_lists: gives the paths of a root's indexes that list packages.
        lists: gives what is promised of every package of an index; with ``ours`` strictly.
    """

    type: str
    room: str
    suffix: str
    roots: Tuple[str, ...]
    leads_to: Callable[..., Dict[str, Promise]]
    leads_to_lists: Callable[[bytes, str], Set[str]]
    lists: Callable[..., Iterator[Promise]]


def same_text(first: bytes, second: bytes) -> bool:
    """Return whether two texts differ in white space at the ends of lines alone, as signing one does."""
    return _trimmed(first) == _trimmed(second)


def _trimmed(text: bytes) -> List[bytes]:
    return [line.rstrip(b" \t\r") for line in text.rstrip().split(b"\n")]


def _refuse(what: str, why: str, ours: bool) -> FarError:
    if ours:
        return TrustError(f"{what}: is not in the form cudepot writes: {why}", _HINT)
    return TrustError(f"{what}: {why}: the index does not lead to its packages", "do not import this bundle")


# apt

_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*(.*)")
_SUM = re.compile(r"(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})")
_SIZE = re.compile(r"[0-9]{1,18}")
_SECTIONS = {"sha256": ("sha256", 64), "sha512": ("sha512", 128)}
_WEAK = {"md5sum", "sha1", "sha512"}
_NEEDED = {"package", "version", "architecture", "filename", "size", "sha256"}


def _release(text: bytes, what: str, ours: bool = False) -> Dict[str, Promise]:
    """Return what a Release names. Of the same path the first counts, and sha256 before sha512."""
    stanza = text.split(b"\n\n", 1)[0] if not ours else text
    fields = _fields(stanza.rstrip(b"\n"), what, ours)
    if ours and (b"\n\n" in text.rstrip(b"\n") or _WEAK & set(fields)):
        raise _refuse(what, "has more than one part, or checksums other than SHA256", ours)
    found: Dict[str, Promise] = {}
    for section in ("sha256", "sha512"):
        algorithm, digits = _SECTIONS[section]
        for value, size, path in _lines(fields.get(section, ""), what, ours):
            if len(value) == digits and _SUM.fullmatch(value) and _SIZE.fullmatch(size) and plain(path):
                found.setdefault(path, Promise(algorithm, value.lower(), int(size)))
    if ours and any(_base(path) != "Packages" for path in found):
        raise _refuse(what, "lists something that is not a Packages file", ours)
    if not found:
        raise _refuse(what, "lists nothing by SHA256 or SHA512", ours)
    return found


def _base(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _lines(section: str, what: str, ours: bool) -> Iterator[List[str]]:
    for line in section.split("\n"):
        parts = line.split()
        if parts and len(parts) != 3:
            raise _refuse(what, f"bad line {line.strip()[:120]!r}", ours)
        if parts:
            yield parts


def _fields(stanza: bytes, what: str, ours: bool) -> Dict[str, str]:
    """Return the fields of a stanza by their names in small letters; strictly, every line has to be understood."""
    found: Dict[str, str] = {}
    name = ""
    for line in stanza.split(b"\n"):
        field = _FIELD.fullmatch(line) if not line.startswith((b" ", b"\t", b"#")) else None
        odd = b"\r" in line or not line.strip() or (field is None and (not name or not line.startswith((b" ", b"\t"))))
        if field is not None:
            name = field.group(1).decode().lower()
            odd = odd or name in found
            if not odd or name not in found:
                found[name] = field.group(2).decode("utf-8", "surrogateescape").strip()
            else:
                name = "of no use"
        elif name and not odd:
            found[name] = found.get(name, "") + "\n" + line.decode("utf-8", "surrogateescape").strip()
        if odd and ours:
            raise _refuse(what, f"a line that can be read in two ways: {line[:80]!r}", ours)
    return found


def _release_lists(text: bytes, what: str) -> Set[str]:
    return {path for path in _release(text, what) if _base(path) == "Packages"}


def entries(chunks: Chunks, what: str) -> Iterator[Dict[str, str]]:
    """Give the fields of each entry of a Packages that the site made, read strictly; names in small letters."""
    for stanza in _stanzas(_plain_text(chunks, what, True), what, True):
        yield _fields(stanza, what, True)


def _packages(chunks: Chunks, what: str, ours: bool = False) -> Iterator[Promise]:
    """Give what a Packages index promises of each package."""
    for stanza in _stanzas(_plain_text(chunks, what, ours), what, ours):
        fields = _fields(stanza, what, ours)
        if ours and not all(fields.get(name) for name in _NEEDED):
            raise _refuse(what, "a package without name, file, size or sha256", ours)
        value = fields.get("sha256", "") or fields.get("sha512", "")
        size, algorithm = fields.get("size", ""), "sha256" if fields.get("sha256") else "sha512"
        if _SUM.fullmatch(value) and _SIZE.fullmatch(size) and len(value) == _SECTIONS[algorithm][1]:
            if ours:
                safe_name(fields["filename"])
            yield Promise(algorithm, value.lower(), int(size))
        elif ours:
            raise _refuse(what, "a package without usable size or sha256", ours)


def _plain_text(chunks: Chunks, what: str, ours: bool) -> Chunks:
    try:
        yield from unpacked(cast(BinaryIO, _Stream(chunks)), what, LIMIT)
    except FormatError as error:
        raise _refuse(what, str(error), ours) from error


def _stanzas(chunks: Chunks, what: str, ours: bool) -> Iterator[bytes]:
    left = b""
    for chunk in chunks:
        left = (left + chunk).lstrip(b"\n") if not left else left + chunk
        parts = left.split(b"\n\n")
        left = parts.pop().lstrip(b"\n") if len(parts) > 1 else parts.pop()
        for one in parts:
            if one.strip(b"\n"):
                yield one.strip(b"\n")
        if len(left) > _ENTRY:
            raise _refuse(what, "an entry of implausible size", ours)
    if left.strip(b"\n"):
        yield left.strip(b"\n")


class _Stream(io.RawIOBase):
    """Chunks as a stream to read from."""

    def __init__(self, chunks: Chunks) -> None:
        super().__init__()
        self._chunks, self._left = chunks, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._left += chunk
        found, self._left = self._left[:size], self._left[size:]
        return found


# yum

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
            raise _refuse(self._what, f"is written in {encoding[:40]!r}, not in UTF-8", self._ours)

    def _doctype(self, *_: Any) -> None:
        raise _refuse(self._what, "has a DOCTYPE, which may exhaust memory or mislead", self._ours)

    def read(self, chunk: bytes, last: bool) -> List[_Element]:
        """Read on, and return the elements that were closed meanwhile."""
        try:
            self.parser.Parse(chunk, last)
        except (expat.ExpatError, LookupError, ValueError) as error:  # an encoding nobody knows is no ExpatError
            raise _refuse(self._what, f"is not XML: {error}", self._ours) from error
        found, self.ready = self.ready, []
        return found


def _elements(chunks: Chunks, what: str, ours: bool) -> Iterator[_Element]:
    """Give every element as it is closed; names have their namespace and a blank before them."""
    reader, size = _Reader(what, ours), 0
    for chunk in chunks:
        found = reader.read(chunk, False)
        size = 0 if found else size + len(chunk)
        if size > _ENTRY:
            raise _refuse(what, "an entry of implausible size", ours)
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
            raise _refuse(what, "has elements of another kind", ours)
        if one.names[-1] == _REPO + " data" and len(one.names) == 2:
            yield _record(one.attributes.get("type", ""), found, what, ours)
            found = {"checksum": [], "location": [], "size": []}
        elif len(one.names) == 3 and name in found:
            found[name].append(one)
        elif ours and name in ("checksum", "location", "data"):
            raise _refuse(what, "has a record in a place of its own", ours)
    if top != _REPO + " repomd":
        raise _refuse(what, "is not a repomd.xml", ours)


def _record(type_: str, found: Dict[str, List[_Element]], what: str, ours: bool) -> Tuple[str, str, Promise]:
    if any(len(one) != 1 for one in found.values()) or not type_:
        raise _refuse(what, f"a record ({type_[:40]}) without type, checksum, size or place, or with two", ours)
    checksum, location, size = (found[name][0] for name in ("checksum", "location", "size"))
    kind, value = checksum.attributes.get("type", ""), checksum.text.strip().lower()
    href = location.attributes.get("href", "")
    if _STRONG.get(kind) != len(value) or not _SUM.fullmatch(value) or not _SIZE.fullmatch(size.text.strip()):
        raise _refuse(what, f"a record ({type_[:40]}) without a strong checksum or a size", ours)
    if _XML_BASE in location.attributes or "://" in href:
        raise _refuse(what, f"a record ({type_[:40]}) that is stored elsewhere", ours)
    return type_, safe_name(href), Promise(kind, value, int(size.text.strip()))


def _repomd(text: bytes, what: str, ours: bool = False) -> Dict[str, Promise]:
    """Return what a repomd.xml names; of the site's own, only what lists packages."""
    records = list(_records(text, what, ours))
    if not ours:
        return {href: promise for _, href, promise in records}
    kinds = [type_ for type_, _, _ in records]
    if kinds.count("primary") != 1 or not set(kinds) <= _TYPES or len(set(kinds)) < len(kinds):
        raise _refuse(what, f"has metadata of types {', '.join(kinds)[:80]}", ours)
    return {href: promise for type_, href, promise in records if type_ == "primary"}


def _repomd_lists(text: bytes, what: str) -> Set[str]:
    return {href for type_, href, _ in _records(text, what, False) if type_ == "primary"}


def _primary(chunks: Chunks, what: str, ours: bool = False) -> Iterator[Promise]:
    """Give what a primary.xml promises of each package."""
    found: Dict[str, List[_Element]] = {"checksum": [], "location": [], "size": []}
    for one in _elements(_plain_text(chunks, what, ours), what, ours):
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
            raise _refuse(what, "has a package in a place of its own", ours)


def _package(found: Dict[str, List[_Element]], what: str, ours: bool) -> Any:
    if any(len(one) != 1 for one in found.values()):
        if ours:
            raise _refuse(what, "a package without checksum, size or place, or with two", ours)
        return None
    checksum, location, size = (found[name][0] for name in ("checksum", "location", "size"))
    kind, value = checksum.attributes.get("type", ""), checksum.text.strip().lower()
    bytes_ = size.attributes.get("package", "")
    good = _STRONG.get(kind) == len(value) and _SUM.fullmatch(value) and _SIZE.fullmatch(bytes_)
    href = location.attributes.get("href", "")
    if ours and (not good or _XML_BASE in location.attributes or not plain(href)):
        raise _refuse(what, "a package without a strong checksum, or that is stored elsewhere", ours)
    return Promise(kind, value, int(bytes_)) if good else None


APT = Kind("apt", "apt/", ".deb", ("InRelease", "Release"), _release, _release_lists, _packages)
YUM = Kind("yum", "yum/", ".rpm", ("repomd.xml",), _repomd, _repomd_lists, _primary)
KINDS = (APT, YUM)
