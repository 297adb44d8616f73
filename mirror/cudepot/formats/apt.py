"""Apt repository metadata: Release files, Packages indexes and their stanzas, read and written.

Sources: Debian Policy chapter 5, deb-control(5), apt's ``Acquire`` behaviour on by-hash, the DebianRepository/Format
page. NVIDIA's Release has ``Architecture`` (singular) and neither Suite, Codename nor Valid-Until.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cudepot.digest import Digest, Promise, hexdigest
from cudepot.errors import FormatError
from cudepot.formats import version as deb_version
from cudepot.formats.dates import parse_date
from cudepot.paths import safe_name

Fields = dict[str, str]

_RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<architecture>[a-z0-9-]+))?\s*"
    r"(?:\(\s*(?P<operator><<|<=|=|>=|>>|<|>)\s*(?P<version>[^)\s<=>]+)\s*\))?\s*(?:\[[^]]*\])?\s*(?:<[^>]*>\s*)*"
)
_PROVIDED = re.compile(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]*)")
_NEEDED = ("Package", "Version", "Architecture", "Filename", "Size")
_SIZE = re.compile(r"[0-9]{1,18}")
_NAME = re.compile(r"[!-9;-~]+")


@dataclass(frozen=True, slots=True)
class Release:
    """A Release file: its fields, and what it says of each index.

    Attributes:
        files: path → digest, where it tells the sha256.
        others: path → promise, where it tells the sha512 only (nvidia.github.io).
    """

    fields: Mapping[str, str]
    files: Mapping[str, Digest]
    others: Mapping[str, Promise] = field(default_factory=dict)

    def promised(self) -> dict[str, Digest | Promise]:
        """Return what it says of every index, by the best hash for us."""
        return {**self.others, **self.files}

    def date(self) -> datetime.datetime | None:
        """Return ``Date``; None when there is none."""
        return _date(self.fields, "Date")

    def valid_until(self) -> datetime.datetime | None:
        """Return ``Valid-Until``; None when there is none."""
        return _date(self.fields, "Valid-Until")


@dataclass(frozen=True, slots=True)
class Relation:
    """One alternative of a dependency: a name and, where ``operator`` is given, a bound on its version.

    ``architecture`` is what stands behind the name's colon: a Debian architecture, ``any`` or ``native``; or empty.
    """

    name: str
    operator: str = ""
    version: str = ""
    architecture: str = ""

    def admits(self, version: str) -> bool:
        """Tell whether a package of that version satisfies this relation."""
        return deb_version.satisfies(version, self.operator, self.version)

    def __str__(self) -> str:
        name = f"{self.name}:{self.architecture}" if self.architecture else self.name
        return f"{name} ({self.operator} {self.version})" if self.operator else name


@dataclass(frozen=True, slots=True)
class Package:
    """One stanza of a Packages index; ``promised`` is what it says of the file, by sha512 where it has no sha256."""

    name: str
    version: str
    architecture: str
    filename: str
    promised: Digest | Promise
    fields: Mapping[str, str] = field(compare=False, repr=False)

    @property
    def digest(self) -> Digest:
        """The digest of the file; raise FormatError where the index tells none."""
        if isinstance(self.promised, Promise):
            raise FormatError(f"{self.name} {self.version}: the index has no SHA256 of {self.filename}")
        return self.promised

    def depends(self) -> list[list[Relation]]:
        """Return what must be installed with it: groups of alternatives."""
        return [group for _, group in self.needs()]

    def needs(self) -> list[tuple[str, list[Relation]]]:
        """Return the same, each group with the field that has it."""
        found = [(one, self.fields[one]) for one in ("Pre-Depends", "Depends") if one in self.fields]
        return [(name, group) for name, text in found for group in parse_relations(text)]

    def excludes(self) -> list[tuple[str, Relation]]:
        """Return what may not be installed with it, each with the field that says so."""
        found = [(one, self.fields[one]) for one in ("Conflicts", "Breaks") if one in self.fields]
        return [(name, one) for name, text in found for group in parse_relations(text) for one in group]

    @property
    def multi_arch(self) -> str:
        """``Multi-Arch``: ``same``, ``foreign``, ``allowed`` or ``no``."""
        return self.fields.get("Multi-Arch", "no").strip().lower()

    def provides(self) -> list[Relation]:
        """Return the virtual packages it provides."""
        return [one for group in parse_relations(self.fields.get("Provides", "")) for one in group]


class PackageIndex:
    """A Packages index, split at once and parsed stanza by stanza only where somebody looks.

    Args:
        text: the uncompressed index.
        what: its name, for errors.
    """

    def __init__(self, text: bytes, what: str) -> None:
        self._what = what
        self._by_name: dict[str, list[tuple[int, bytes]]] = {}
        self._providers: dict[str, list[tuple[int, bytes]]] = {}
        self._parsed: dict[int, Package] = {}
        self._orders: dict[int, int] = {}
        for order, raw in enumerate(re.split(rb"\n(?:[ \t]*\n)+", text.strip(b"\n"))):
            if raw.strip():
                self._add(order, raw)

    def _add(self, order: int, raw: bytes) -> None:
        name = _quick(raw, b"Package: ")
        if not name:
            raise FormatError(f"{self._what}: stanza {order + 1} has no Package field")
        self._by_name.setdefault(name, []).append((order, raw))
        for provided in _PROVIDED.findall(_quick(raw, b"Provides: ")):
            self._providers.setdefault(provided, []).append((order, raw))

    def __len__(self) -> int:
        return sum(len(found) for found in self._by_name.values())

    def __contains__(self, name: str) -> bool:
        return name in self._by_name or name in self._providers

    def names(self) -> Iterable[str]:
        """Return the names of all real packages."""
        return self._by_name.keys()

    def order(self, package: Package) -> int:
        """Return the place of a package's stanza in the index."""
        return self._orders[id(package)]

    def named(self, name: str) -> list[Package]:
        """Return all packages of that name, in the order of the index."""
        return [self._parse(order, raw) for order, raw in self._by_name.get(name, [])]

    def providing(self, name: str) -> list[Package]:
        """Return all packages that list ``name`` in Provides, in the order of the index."""
        return [self._parse(order, raw) for order, raw in self._providers.get(name, [])]

    def _parse(self, order: int, raw: bytes) -> Package:
        if order not in self._parsed:
            self._parsed[order] = parse_package(raw, f"{self._what}, stanza {order + 1}")
            self._orders[id(self._parsed[order])] = order
        return self._parsed[order]


def parse_release(text: bytes, what: str) -> Release:
    """Return a Release file; raise FormatError when it is malformed or lists neither SHA256 nor SHA512."""
    fields = parse_stanza(text, what)
    if "SHA256" not in fields and "SHA512" not in fields:
        raise FormatError(f"{what}: no SHA256 or SHA512 section", hint="weaker hashes are not used")
    files = {path: Digest(value, size) for path, value, size in _listed(fields, "SHA256", what)}
    others = {path: Promise(value, size) for path, value, size in _listed(fields, "SHA512", what) if path not in files}
    return Release(fields, files, others)


def _listed(fields: Mapping[str, str], section: str, what: str) -> Iterator[tuple[str, str, int]]:
    """Give path, hash and size of each file a section of a Release lists."""
    for line in fields.get(section, "").split("\n"):
        parts = line.split()
        if parts and (len(parts) != 3 or not _SIZE.fullmatch(parts[1])):
            raise FormatError(f"{what}: bad {section} line {line.strip()[:120]!r}")
        if parts:
            yield safe_name(parts[2]), parts[0].lower(), int(parts[1])


def parse_stanza(text: bytes, what: str) -> Fields:
    """Return the fields of one stanza; continuation lines are joined by newlines, without their first blank."""
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"{what}: not UTF-8") from error
    fields: Fields = {}
    name = ""
    for line in lines:
        if line.startswith((" ", "\t")) and name:
            fields[name] += "\n" + line[1:]
        elif line.strip():
            name, colon, value = line.partition(":")
            if not colon or not _is_name(name):
                raise FormatError(f"{what}: not a field: {line[:80]!r}")
            fields[name] = value.lstrip()
    return fields


@functools.lru_cache(maxsize=256)
def _is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


def parse_package(text: bytes, what: str) -> Package:
    """Return one stanza of a Packages index; raise FormatError when it lacks what installing needs."""
    fields = parse_stanza(text, what)
    missing = [one for one in _NEEDED if one not in fields]
    missing += [] if "SHA256" in fields or "SHA512" in fields else ["SHA256"]
    if missing or not _SIZE.fullmatch(fields["Size"]):
        raise FormatError(f"{what}: no usable {missing[0] if missing else 'Size'} field")
    deb_version.parse(fields["Version"])
    return Package(
        fields["Package"],
        fields["Version"],
        fields["Architecture"],
        safe_name(fields["Filename"]),
        _promised(fields),
        fields,
    )


def _promised(fields: Fields) -> Digest | Promise:
    size = int(fields["Size"])
    return Digest(fields["SHA256"].lower(), size) if "SHA256" in fields else Promise(fields["SHA512"].lower(), size)


def parse_relations(text: str) -> list[list[Relation]]:
    """Return a dependency field as groups of alternatives (deb-control(5))."""
    groups = text.replace("\n", " ").split(",")
    return [[_relation(one.strip()) for one in group.split("|")] for group in groups if group.strip()]


def render_stanza(fields: Mapping[str, str]) -> bytes:
    """Return a stanza without the blank line after it."""
    return "".join(f"{name}: {_folded(value)}\n" for name, value in fields.items()).encode()


def render_packages(stanzas: Iterable[Mapping[str, str]]) -> bytes:
    """Return a Packages index of the given stanzas in their order."""
    return b"\n".join(render_stanza(one) for one in stanzas)


def render_release(fields: Mapping[str, str], files: Mapping[str, bytes], hashes: Mapping[str, str]) -> bytes:
    """Return a Release file.

    Args:
        fields: what stands before the hashes.
        files: index path → its bytes.
        hashes: Release section → ``hashlib`` name, e.g. ``{"SHA256": "sha256"}``.
    """
    for name, value in fields.items():
        if "\n" in value:
            raise FormatError(
                f"{name} of a Release has several lines", hint="the upstream's Release is made to mislead"
            )
    text = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    for section, algorithm in hashes.items():
        text += f"{section}:\n"
        text += "".join(f" {hexdigest(data, algorithm)} {len(data):>16} {path}\n" for path, data in files.items())
    return text.encode()


@functools.lru_cache(maxsize=16384)
def _relation(text: str) -> Relation:
    found = _RELATION.fullmatch(text)
    if not found:
        raise FormatError(f"not a dependency: {text[:120]!r}")
    return Relation(found["name"], found["operator"] or "", found["version"] or "", found["architecture"] or "")


def _quick(raw: bytes, start: bytes) -> str:
    """Return one field of a raw stanza without parsing the rest (continuation lines included)."""
    at = 0 if raw.startswith(start) else raw.find(b"\n" + start) + 1
    if at == 0 and not raw.startswith(start):
        return ""
    return re.split(rb"\n(?![ \t])", raw[at + len(start) :], maxsplit=1)[0].decode(errors="replace").strip()


def _folded(value: str) -> str:
    """Fold a value; an empty line inside would end the stanza, so it is written as a dot (Debian Policy 5.6.13)."""
    first, *rest = value.split("\n")
    return "\n".join([first, *(f" {line}" if line.strip() else " ." for line in rest)])


def _date(fields: Mapping[str, str], name: str) -> datetime.datetime | None:
    return parse_date(fields[name], name) if name in fields else None
