"""``repodata/repomd.xml``: the signed list of a yum repository's metadata, read and written.

Sources: createrepo_c's ``xml_dump_repomd.c`` and ``xml_parser_repomd.c``, librepo's ``repomd.c``. A type is there
once; ``revision`` is mostly a Unix time, and need not be a number.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError, TrustError
from cudepot.formats.xml_text import escaped, parse_xml
from cudepot.paths import safe_name

PATH = "repodata/repomd.xml"
_NS = "{http://linux.duke.edu/metadata/repo}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
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


@dataclass(frozen=True, slots=True)
class Repomd:
    """The whole document; ``made_by`` is its first repository tag."""

    revision: str
    records: tuple[Record, ...]
    made_by: str = ""

    def record(self, type_: str) -> Record | None:
        """Return the record of a type."""
        return next((one for one in self.records if one.type == type_), None)

    def date(self) -> datetime.datetime | None:
        """Return when it was made: the latest of its times; None when it tells none."""
        times = [one.timestamp for one in self.records]
        times += [int(self.revision)] if _NUMBER.fullmatch(self.revision) else []
        known = [one for one in times if one in _TIMES]
        return datetime.datetime.fromtimestamp(max(known), datetime.UTC) if known else None


def parse_repomd(text: bytes, what: str) -> Repomd:
    """Return the document.

    Raises:
        FormatError: malformed, or a path that leaves the repository.
        TrustError: a file is told by a weak hash only.
    """
    root = parse_xml(text, what)
    if root.tag != f"{_NS}repomd":
        raise FormatError(f"{what}: not a repomd.xml", hint="the upstream may serve an error page")
    records = tuple(_record(one, what) for one in root.iterfind(f"{_NS}data"))
    twice = [one.type for number, one in enumerate(records) if one.type in [other.type for other in records[:number]]]
    if twice or not any(one.type == "primary" for one in records):
        raise FormatError(f"{what}: {f'two records of {twice[0]}' if twice else 'no record of primary'}")
    return Repomd((root.findtext(f"{_NS}revision") or "").strip(), records, root.findtext(f"{_NS}tags/{_NS}repo") or "")


def parse_repomd_of_ours(text: bytes, what: str) -> Repomd:
    """Return a document that cudepot wrote; raise FormatError too for what two readers could read in two ways."""
    tags = [one.tag for one in parse_xml(text, what).iter()]
    if any(not tag.startswith(_NS) for tag in tags):
        raise FormatError(f"{what}: has elements of another kind")
    found = parse_repomd(text, what)
    for tag in ("data", "checksum", "location"):
        if tags.count(_NS + tag) != len(found.records):
            raise FormatError(f"{what}: a record with two of {tag}")
    return found


def _record(data: ElementTree.Element, what: str) -> Record:
    kind = data.get("type", "")
    where = f"{what}: {kind[:40] or 'data'}"
    location = data.find(f"{_NS}location")
    if not _TYPE.fullmatch(kind) or location is None:
        raise FormatError(f"{where}: no type, or no location")
    if location.get(_XML_BASE):
        raise FormatError(f"{where}: lies elsewhere (xml:base)", hint="mirror the repository it lies in")
    opened = data.find(f"{_NS}open-checksum")
    strong = opened is not None and opened.get("type") == "sha256"
    return Record(
        kind,
        safe_name(location.get("href", "")),
        _promised(data, where),
        _number(data, "open-size", -1, where),
        (opened.text or "").strip().lower() if strong and opened is not None else "",
        _number(data, "timestamp", 0, where),
    )


def _promised(data: ElementTree.Element, where: str) -> Digest | Promise:
    found = data.find(f"{_NS}checksum")
    size = _number(data, "size", -1, where)
    if found is None or size < 0:
        raise FormatError(f"{where}: no checksum or no size")
    return promised(found.get("type", ""), (found.text or "").strip().lower(), size, where)


def promised(kind: str, value: str, size: int, where: str) -> Digest | Promise:
    """Return what a checksum of that kind promises; raise TrustError for a weak one."""
    if kind == "sha256":
        return Digest(value, size)
    if kind == "sha512":
        return Promise(value, size)
    raise TrustError(f"{where}: known by {kind or 'no checksum'} only", hint="sha256 or sha512 is needed")


def _number(data: ElementTree.Element, name: str, default: int, where: str) -> int:
    text = (data.findtext(f"{_NS}{name}") or "").strip().partition(".")[0]  # old tools write 1234567890.12
    if not text:
        return default
    if not _NUMBER.fullmatch(text):
        raise FormatError(f"{where}: {name} is {text[:40]!r}")
    return int(text)


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
