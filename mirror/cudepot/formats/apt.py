"""Apt's Packages indexes and their stanzas, read and written; Release files are :mod:`.apt_release`'s.

Sources: Debian Policy chapter 5, deb-control(5).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError
from cudepot.formats import version as deb_version
from cudepot.formats.deb822 import Fields, parse_stanza, split
from cudepot.paths import safe_name

_RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<architecture>[a-z0-9-]+))?\s*"
    r"(?:\(\s*(?P<operator><<|<=|=|>=|>>|<|>|(?=[^<=>\s]))\s*(?P<version>[^)\s<=>]+)\s*\))?\s*(?:\[[^]]*\])?\s*(?:<[^>]*>\s*)*"
)
_LAST_LINE = re.compile(rb"\n(?![ \t\v\f])")
_PROVIDED = re.compile(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]*)")
_NEEDED = ("Package", "Version", "Architecture", "Filename", "Size")
_UNUSABLE = "the upstream's index is at fault: report it there, or pin another version"
_SIZE = re.compile(r"\+?[0-9]{1,18}")


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
        """Return whether a package of that version satisfies this relation."""
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

    def wishes(self) -> list[tuple[str, list[Relation]]]:
        """Return what it recommends: groups of alternatives, each with the field."""
        return self._groups("Recommends")

    def suggests(self) -> list[tuple[str, list[Relation]]]:
        """Return what it suggests, likewise."""
        return self._groups("Suggests")

    def _groups(self, field: str) -> list[tuple[str, list[Relation]]]:
        return [(field, group) for group in parse_relations(self.fields[field])] if field in self.fields else []

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
        self._parsed: dict[int, Package | FormatError] = {}
        self._usable: dict[str, list[Package]] = {}
        self._same: dict[str, dict[tuple[str, str], list[Package]]] = {}
        self._orders: dict[int, int] = {}
        for order, raw in enumerate(split(text)):
            if raw.strip():
                self._add(order, raw)

    def _add(self, order: int, raw: bytes) -> None:
        name, provides = _quick(raw, self._place(order))
        if not name:
            raise FormatError(f"{self._place(order)}: no Package field")
        self._by_name.setdefault(name, []).append((order, raw))
        for provided in _PROVIDED.findall(provides):
            self._providers.setdefault(provided, []).append((order, raw))

    def _place(self, order: int) -> str:
        return f"{self._what}, stanza {order + 1}"

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

    def rival(self, package: Package) -> Package | None:
        """Return a package of the same name, version and architecture with other bytes; None where there is none."""
        if package.name not in self._same:
            same: dict[tuple[str, str], list[Package]] = {}
            for one in self.named(package.name):
                same.setdefault((one.version, one.architecture), []).append(one)
            self._same[package.name] = same
        twins = self._same[package.name].get((package.version, package.architecture), [])
        return next((one for one in twins if one.promised != package.promised), None)

    def named(self, name: str) -> list[Package]:
        """Return all packages of that name that could be installed, in the order of the index.

        Raises:
            FormatError: there are some, and none of them could: what the first lacks.
        """
        if name in self._usable:
            return self._usable[name]
        found = [self._parse(order, raw) for order, raw in self._stanzas(name)]
        usable = [one for one in found if isinstance(one, Package)]
        if found and not usable and isinstance(found[0], FormatError):
            raise found[0]
        self._usable[name] = usable
        return usable

    def set_aside(self, name: str) -> list[FormatError]:
        """Return what is wrong with the stanzas of that name that could not be installed."""
        found = (self._parse(order, raw) for order, raw in self._stanzas(name))
        return [one for one in found if isinstance(one, FormatError)]

    def providing(self, name: str) -> list[Package]:
        """Return all packages that list ``name`` in Provides and could be installed, in the order of the index."""
        found = (self._parse(order, raw) for order, raw in self._provided(name))
        return [one for one in found if isinstance(one, Package)]

    def _stanzas(self, name: str) -> Sequence[tuple[int, bytes]]:
        """Return the places and texts of the stanzas of that name."""
        return self._by_name.get(name, ())

    def _provided(self, name: str) -> Sequence[tuple[int, bytes]]:
        """Return the places and texts of the stanzas that list ``name`` in Provides."""
        return self._providers.get(name, ())

    def _parse(self, order: int, raw: bytes) -> Package | FormatError:
        """Return a package, or what it lacks: an odd version beside the one that is wanted harms nobody."""
        if order not in self._parsed:
            self._parsed[order] = found = _package_or_fault(raw, self._place(order))
            self._orders[id(found)] = order
        return self._parsed[order]


def _package_or_fault(raw: bytes, what: str) -> Package | FormatError:
    try:
        return parse_package(raw, what)
    except FormatError as error:
        return error


def parse_package(text: bytes, what: str) -> Package:
    """Return one stanza of a Packages index; raise FormatError when it lacks what installing needs."""
    fields = parse_stanza(text, what)
    needed = {name: fields.get(name, "").strip() for name in _NEEDED}
    missing = [name for name, value in needed.items() if not value]
    missing += [] if "SHA256" in fields or "SHA512" in fields else ["SHA256"]
    if missing or not _SIZE.fullmatch(needed["Size"]):
        raise FormatError(f"{what}: no usable {missing[0] if missing else 'Size'} field", hint=_UNUSABLE)
    try:
        deb_version.parse(needed["Version"])
        path, promised = safe_name(needed["Filename"]), _promised(fields, int(needed["Size"]))
        path.encode()
    except (FormatError, UnicodeEncodeError) as error:
        raise FormatError(f"{what}: {error}", hint=_UNUSABLE) from error
    return Package(needed["Package"].lower(), needed["Version"], needed["Architecture"], path, promised, fields)


def _promised(fields: Fields, size: int) -> Digest | Promise:
    found = {name: fields[name].strip().lower() for name in ("SHA256", "SHA512") if name in fields}
    return Digest(found["SHA256"], size) if "SHA256" in found else Promise(found["SHA512"], size)


def parse_relations(text: str) -> list[list[Relation]]:
    """Return a dependency field as groups of alternatives (deb-control(5))."""
    groups = text.replace("\n", " ").split(",")
    return [[_relation(one.strip()) for one in group.split("|")] for group in groups if group.strip()]


def render_stanza(fields: Mapping[str, str]) -> bytes:
    """Return a stanza without the blank line after it."""
    return "".join(f"{name}: {_folded(value)}\n" for name, value in fields.items()).encode(errors="surrogateescape")


def render_packages(stanzas: Iterable[Mapping[str, str]]) -> bytes:
    """Return a Packages index of the given stanzas in their order."""
    return b"\n".join(render_stanza(one) for one in stanzas)


@functools.lru_cache(maxsize=16384)
def _relation(text: str) -> Relation:
    found = _RELATION.fullmatch(text)
    if not found:
        raise FormatError(f"not a dependency: {text[:120]!r}")
    bound, machine = found["version"] or "", found["architecture"] or ""
    return Relation(found["name"], found["operator"] or ("=" if bound else ""), bound, machine)  # (1.0) is (= 1.0)


def _quick(raw: bytes, what: str) -> tuple[str, str]:
    """Return Package and Provides of a stanza, without parsing the rest where it is written as most are."""
    lower = raw.lower()
    usual = raw.startswith(b"Package: ") and b"\r" not in raw and b"\npackage" not in lower
    if not usual or (b"\nprovides" in lower and b"\nProvides: " not in raw):
        fields = parse_stanza(raw, what)
        return fields.get("Package", "").strip().lower(), fields.get("Provides", "")
    return _field(raw, 9).lower(), _field(raw, at + 11) if (at := raw.rfind(b"\nProvides: ")) >= 0 else ""


def _field(raw: bytes, at: int) -> str:
    """Return the value that begins at a place of a stanza, lines that go on with it included."""
    return _LAST_LINE.split(raw[at:], maxsplit=1)[0].decode(errors="replace").strip()


def _folded(value: str) -> str:
    """Fold a value; an empty line inside would end the stanza, so it is written as a dot (Debian Policy 5.6.13)."""
    first, *rest = value.split("\n")
    return "\n".join([first, *(f" {line}" if line.strip() else " ." for line in rest)])
