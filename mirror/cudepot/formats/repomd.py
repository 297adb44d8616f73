"""``repodata/repomd.xml``: the signed list of a yum repository's metadata, read and written.

Sources: createrepo_c's ``xml_dump_repomd.c`` and ``xml_parser_repomd.c``, librepo's ``repomd.c``. A type is there
once; ``revision`` is mostly a Unix time, and need not be a number. Like librepo, the reader passes over the namespace
and over times and open sizes that are no numbers.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree

from cudepot.digest import Digest, Promise
from cudepot.errors import CudepotError, FormatError, TrustError
from cudepot.formats.xml_rules import escaped
from cudepot.formats.xml_text import parse_xml
from cudepot.paths import safe_name

PATH = "repodata/repomd.xml"
MIRRORS = "a list of mirrors (mirrorlist, metalink) is not a repository: give the URL of one of the mirrors it names"
"""For hints, where something else is in the place of a repomd.xml."""
DOWNLOADED = ("primary", "filelists", "updateinfo", "group", "group_gz", "modules", "prestodelta")
"""Types that dnf 4 downloads wherever they are named: where one is not available, it refuses the repository."""

_NO_PRIMARY = "ask the upstream for metadata with primary.xml: createrepo_c writes it along with databases and zchunk"
_NS = "{http://linux.duke.edu/metadata/repo}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_ROOT = re.compile(rb"<repomd[\s>]|\0")  # librepo reads none with a prefix; zero bytes are those of UTF-16
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_NUMBER = re.compile(r"[0-9]{1,18}")
_TIMES = range(946684800, 4102444800)  # 2000 to 2100: what can be meant as a Unix time


@dataclass(frozen=True, slots=True)
class Record:
    """One ``<data>``.

    Attributes:
        type: ``primary``, ``filelists``, ``modules`` …
        href: path below the repository's URL.
        promised: what the file must be.
        open_size: its uncompressed size; -1 where it is not told.
        open_sha256: its uncompressed sha256; empty where it is not told.
        timestamp: Unix time; 0 where it is not told.
    """

    type: str
    href: str
    promised: Digest | Promise
    open_size: int = -1
    open_sha256: str = ""
    timestamp: int = 0


class Unusable(NamedTuple):
    """A record that cannot be used, and why.

    Attributes:
        type: as it is written.
        located: whether it says where its file is; dnf 4 ends where one does not.
    """

    type: str
    error: CudepotError
    located: bool = True


@dataclass(frozen=True, slots=True)
class Repomd:
    """The whole document; ``made_by`` is its first repository tag."""

    revision: str
    records: tuple[Record, ...]
    made_by: str = ""
    unusable: tuple[Unusable, ...] = ()

    def record(self, type_: str) -> Record | None:
        """Return the record of a type."""
        return next((one for one in self.records if one.type == type_), None)

    def check_usable(self, types: Iterable[str]) -> None:
        """Raise the error of the first record of these types that cannot be used."""
        wanted = set(types)
        for one in self.unusable:
            if one.type in wanted:
                raise one.error

    def date(self) -> datetime.datetime | None:
        """Return when it was made: the latest of its times; None when it tells none."""
        times = [one.timestamp for one in self.records]
        times += [int(self.revision)] if _NUMBER.fullmatch(self.revision) else []
        known = [one for one in times if one in _TIMES]
        return datetime.datetime.fromtimestamp(max(known), datetime.UTC) if known else None


def parse_repomd(text: bytes, what: str) -> Repomd:
    """Return the document; records that cannot be used are kept apart, as long as primary can.

    Raises:
        FormatError: malformed, or the path of primary leaves the repository.
        TrustError: primary is known by a weak hash only.
    """
    root = _root(text, what)
    found = [_record(one, what) for one in root if _local(one) == "data"]
    records, unusable = _once(found, what)
    repomd = Repomd(_text(root, "revision"), records, _made_by(root), unusable)
    repomd.check_usable(["primary"])
    if repomd.record("primary") is None:
        types = (*(one.type for one in records), *(one.type for one in unusable))
        others = ", ".join(one for one in types if one.startswith("primary"))
        beside = f", only of {others}, which are not enough" if others else ""
        raise FormatError(f"{what}: no record of primary{beside}", hint=_NO_PRIMARY)
    return repomd


def _root(text: bytes, what: str) -> ElementTree.Element:
    try:
        root = parse_xml(text, what)
    except FormatError as error:
        error.hint = f"{error.hint}; {MIRRORS}"
        raise
    if _local(root) != "repomd" or not _ROOT.search(text):
        raise FormatError(f"{what}: not a repomd.xml", hint=f"the upstream may serve an error page; {MIRRORS}")
    return root


def _once(found: Sequence[Record | Unusable], what: str) -> tuple[tuple[Record, ...], tuple[Unusable, ...]]:
    """Return the records, and what cannot be used: of several that differ under one type, all."""
    of_type: dict[str, list[Record | Unusable]] = {}
    for one in found:
        of_type.setdefault(one.type, []).append(one)
    records, unusable = list[Record](), list[Unusable]()
    for type_, several in of_type.items():
        first = several[0]
        if any(one != first for one in several[1:]):
            first = Unusable(type_, FormatError(f"{what}: two records of {type_[:40]}"))
        if isinstance(first, Record):
            records.append(first)
        else:
            unusable.append(first)
    return tuple(records), tuple(unusable)


def parse_repomd_of_ours(text: bytes, what: str) -> Repomd:
    """Return a document that cudepot wrote; raise FormatError too for what two readers could read in two ways."""
    tags = [one.tag for one in parse_xml(text, what).iter()]
    if any(not tag.startswith(_NS) for tag in tags):
        raise FormatError(f"{what}: has elements of another kind")
    found = parse_repomd(text, what)
    found.check_usable(one.type for one in found.unusable)
    for tag in ("data", "checksum", "location"):
        if tags.count(_NS + tag) != len(found.records):
            raise FormatError(f"{what}: a record with two of {tag}")
    return found


def _record(data: ElementTree.Element, what: str) -> Record | Unusable:
    type_ = data.get("type", "")
    try:
        return _read(data, type_, f"{what}: {type_[:40] or 'data'}")
    except CudepotError as error:
        return Unusable(type_, error, _child(data, "location") is not None)


def _read(data: ElementTree.Element, type_: str, where: str) -> Record:
    location = _child(data, "location")
    if not _TYPE.fullmatch(type_) or location is None:
        raise FormatError(f"{where}: no type, or no location")
    if location.get(_XML_BASE):
        raise FormatError(f"{where}: is stored elsewhere (xml:base)", hint="mirror the repository it is in")
    opened = _child(data, "open-checksum")
    strong = opened is not None and opened.get("type") == "sha256"
    return Record(
        type_,
        _place(location.get("href", ""), where),
        _promised(data, where),
        _number(data, "open-size", -1),
        (opened.text or "").strip().lower() if strong and opened is not None else "",
        _number(data, "timestamp", 0),
    )


def _place(href: str, where: str) -> str:
    if "://" in href:
        raise FormatError(f"{where}: is stored elsewhere ({href[:200]})", hint="mirror the repository it is in")
    return safe_name(href)


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).removeprefix(_NS)


def _child(data: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((one for one in data if _local(one) == name), None)


def _text(data: ElementTree.Element, name: str) -> str:
    found = _child(data, name)
    return (found.text or "").strip() if found is not None else ""


def _made_by(root: ElementTree.Element) -> str:
    tags = _child(root, "tags")
    found = _child(tags, "repo") if tags is not None else None
    return (found.text or "") if found is not None else ""


def _promised(data: ElementTree.Element, where: str) -> Digest | Promise:
    found = _child(data, "checksum")
    size = _number(data, "size", -1)
    if found is None or size < 0:
        raise FormatError(f"{where}: no checksum or no size", hint="files must be known before they are fetched")
    return promised(found.get("type", ""), (found.text or "").strip().lower(), size, where)


def promised(kind: str, value: str, size: int, where: str) -> Digest | Promise:
    """Return what a checksum of that kind promises; raise TrustError for a weak one."""
    if kind == "sha256":
        return Digest(value, size)
    if kind == "sha512":
        return Promise(value, size)
    raise TrustError(f"{where}: known by {kind or 'no checksum'} only", hint="sha256 or sha512 is needed")


def _number(data: ElementTree.Element, name: str, default: int) -> int:
    text = _text(data, name).partition(".")[0]  # old tools write 1234567890.12
    return int(text) if _NUMBER.fullmatch(text) else default


def render_repomd(revision: str, records: Sequence[Record], *, made_by: str = "") -> bytes:
    """Return the document; equal values give equal bytes. Records are to be known by sha256."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">')
    lines.append(f"  <revision>{escaped(revision)}</revision>")
    lines += [f"  <tags><repo>{escaped(made_by)}</repo></tags>"] if made_by else []
    for one in records:
        lines += _rendered(one)
    return "\n".join([*lines, "</repomd>", ""]).encode()


def _rendered(one: Record) -> list[str]:
    if not isinstance(one.promised, Digest):
        raise FormatError(f"{one.href}: its sha256 is not known")
    return [
        f'  <data type="{escaped(one.type)}">',
        f'    <checksum type="sha256">{one.promised.sha256}</checksum>',
        f'    <open-checksum type="sha256">{one.open_sha256}</open-checksum>',
        f'    <location href="{escaped(one.href)}"/>',
        f"    <timestamp>{one.timestamp}</timestamp>",
        f"    <size>{one.promised.size}</size>",
        f"    <open-size>{one.open_size}</open-size>",
        "  </data>",
    ]
