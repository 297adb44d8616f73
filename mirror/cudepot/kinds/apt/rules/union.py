"""What several apt repositories offer together, ranked as apt ranks it. Pure.

Sources: apt_preferences(5): the version of the highest priority is taken, of several the newest, of equal ones that of
the repository named first; a priority that is not above 0 means never. Providers are ordered as apt's depcache does:
essential ones first, then by their field ``Priority``, then those apt has heard of last.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cudepot.errors import FormatError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package, Relation
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.rules.machine import Machine, admitted
from cudepot.kinds.apt.rules.offers import Facts, facts_of

_WEIGHT = {"required": 1, "important": 2, "standard": 3, "optional": 4, "extra": 5}
_SEVERAL = 2
Name = tuple[str, str]
"""A package's name and the architecture it counts as: a machine has one version of it."""


class Offering(NamedTuple):
    """A repository: its name, its indexes in their order, and its priority."""

    name: str
    indexes: Sequence[ScannedIndex]
    priority: int = 500


class Choice(NamedTuple):
    """What decides between packages of one name.

    Attributes:
        origin: gives the one repository that may have a package of some name; empty for any.
        pinned: name of a package → glob over versions: only such are taken.
        kept: name and architecture → version and repository that is taken before all others.
    """

    origin: Callable[[str], str]
    pinned: Mapping[str, str]
    kept: Mapping[Name, tuple[str, str]]


@dataclass(slots=True)
class Union:
    """The packages of several repositories for one machine.

    Attributes:
        offerings: the repositories, in the order in which apt has them in its lists.
        machine: what they are wanted for.
        choice: what decides between packages of one name.
    """

    offerings: Sequence[Offering]
    machine: Machine
    choice: Choice
    _named: dict[Name, list[Package]] = field(default_factory=dict)
    _providing: dict[str, list[Package]] = field(default_factory=dict)
    _origins: dict[int, int] = field(default_factory=dict)
    _facts: dict[int, Facts] = field(default_factory=dict)
    _heard: dict[str, tuple[int, int]] = field(default_factory=dict)
    _architectures: tuple[str, ...] = ()
    looked: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note the architectures that are taken."""
        self._architectures = (self.machine.native, *self.machine.foreign)

    def facts(self, package: Package) -> Facts:
        """Return the relations of a package; raise FormatError that names it where they cannot be read."""
        found = self._facts.get(id(package))
        if found is None:
            found = self._facts[id(package)] = facts_of(package)
        return found

    def owner(self, package: Package) -> Offering:
        """Return the repository that a package is taken from."""
        return self.offerings[self._origins[id(package)]]

    def key(self, package: Package) -> Name:
        """Return the place of a package on a machine."""
        return package.name, self.machine.architecture(package)

    def named(self, name: str) -> list[Package]:
        """Return all packages of a name that may be taken, the best first, those of the machine's own before others."""
        return [one for architecture in self._architectures for one in self.versions((name, architecture))]

    def versions(self, name: Name) -> list[Package]:
        """Return the same of one architecture."""
        if name not in self._named:
            for one in self._architectures:
                self._named[name[0], one] = []
            self._read(name[0])
        return self._named.get(name, [])

    def candidate(self, name: Name) -> Package | None:
        """Return what apt installs of a name where nobody asks for a version."""
        found = self.versions(name)
        return found[0] if found else None

    def rivals(self, name: Name) -> Sequence[tuple[Package, Offering]]:
        """Return everything there is of a name, whether or not it may be taken."""
        return [(one, offering) for one, offering, _ in self._every(name[0]) if self.key(one) == name]

    def providing(self, name: str) -> list[Package]:
        """Return all packages that may be taken and provide a name, in the order of the indexes."""
        if name not in self._providing:
            found = dict.fromkeys(
                one.name for offering in self.offerings for index in offering.indexes for one in index.providing(name)
            )
            self._providing[name] = [
                one
                for other in found
                for one in self.named(other)
                if self._is_readable(one) and any(each.name == name for each in self.facts(one).offers[1:])
            ]
        return self._providing[name]

    def having(self, key: str, value: str) -> Iterator[Name]:
        """Give the names of packages one of whose fields has that value."""
        found = (one for offering in self.offerings for index in offering.indexes for one in index.having(key, value))
        names = dict.fromkeys((one.name, self.machine.native) for one in found if self.machine.takes(one))
        for name in names:
            best = self.candidate(name)
            if best is not None and best.fields.get(key, "").strip() == value:
                yield name

    def meeting(self, relation: Relation, by: Package) -> Iterator[Package]:
        """Give all packages that meet a relation, the best first: real ones before those that provide its name."""
        for one in self.named(relation.name):
            if self._meets(one, self.facts(one).offers[:1], relation, by):
                yield one
        yield from self._sorted([one for one in self.providing(relation.name) if self._provides(one, relation, by)])

    def candidates(self, relation: Relation, by: Package) -> list[Package]:
        """Return the same of those that apt looks at: one version of each name."""
        return [one for one in self.meeting(relation, by) if self.candidate(self.key(one)) is one]

    def hit(self, relation: Relation, by: Package) -> Iterator[Package]:
        """Give the candidates that an exclusion of ``by`` is about."""
        for one in (*self.named(relation.name), *self.providing(relation.name)):
            if self.candidate(self.key(one)) is one and self.machine.hits(one, self.facts(one).offers, relation, by):
                yield one

    def set_aside(self, name: str) -> list[str]:
        """Return what is wrong with the stanzas of that name that no client could use."""
        every = (index for offering in self.offerings for index in offering.indexes)
        return [str(fault) for index in every for fault in index.set_aside(name)]

    def _is_readable(self, package: Package) -> bool:
        """Return whether the relations of a package can be read: one that nobody has to take harms nobody."""
        try:
            return bool(self.facts(package))
        except FormatError:
            return False

    def _meets(self, package: Package, offers: Sequence[Relation], relation: Relation, by: Package) -> bool:
        return self.machine.reaches(package, relation, by) and admitted(offers, relation)

    def _provides(self, package: Package, relation: Relation, by: Package) -> bool:
        if package.name == relation.name:
            return False
        return self._meets(package, self.facts(package).offers[1:], relation, by)

    def _sorted(self, providers: list[Package]) -> list[Package]:
        """Return providers in apt's order; when apt heard of one is looked up only where nothing else decides."""
        if len(providers) < _SEVERAL:
            return providers
        groups: dict[tuple[bool, bool, bool, int], list[Package]] = {}
        for one in providers:
            groups.setdefault(self._order(one), []).append(one)
        return [
            one
            for _, group in sorted(groups.items())
            for one in (sorted(group, key=lambda each: self.heard(each.name)) if len(group) > 1 else group)
        ]

    def _order(self, package: Package) -> tuple[bool, bool, bool, int]:
        """Return where a provider stands: apt takes the least."""
        fields = package.fields
        return (
            fields.get("Essential", "no").strip() != "yes",
            fields.get("Important", fields.get("Protected", "no")).strip() != "yes",
            self.machine.architecture(package) != self.machine.native,
            _WEIGHT.get(fields.get("Priority", "").strip(), 4),
        )

    def heard(self, name: str) -> tuple[int, int]:
        """Return a number that is the smaller, the later apt hears of a name while it reads its lists."""
        if name not in self._heard:
            self._heard[name] = (0, 0)
            every = [index for offering in self.offerings for index in offering.indexes]
            for number, index in enumerate(every):
                at = index.first_mention(name)
                if at < index.size:
                    self._heard[name] = (-number, -at)
                    break
        return self._heard[name]

    def _read(self, name: str) -> None:
        self.looked[name] = None
        found: dict[Name, dict[str, tuple[Package, int, int]]] = {}
        for one, offering, at in self._every(name):
            if not self._may(one, offering):
                continue
            same = found.setdefault(self.key(one), {})
            before = same.get(one.version)
            if before is None or before[1] < offering.priority:
                same[one.version] = (one, offering.priority, at)
        for key, versions in found.items():
            self._named[key] = self._ranked(key, versions)

    def _every(self, name: str) -> Iterator[tuple[Package, Offering, int]]:
        for at, offering in enumerate(self.offerings):
            for index in offering.indexes:
                last = {(one.version, one.architecture): one for one in index.named(name)}
                for one in last.values():
                    if self.machine.takes(one):
                        self._origins.setdefault(id(one), at)
                        yield one, offering, at

    def _may(self, package: Package, offering: Offering) -> bool:
        glob = self.choice.pinned.get(package.name)
        fits = glob is None or fnmatch.fnmatchcase(package.version, glob)
        return fits and offering.priority > 0 and self.choice.origin(package.name) in ("", offering.name)

    def _ranked(self, key: Name, versions: Mapping[str, tuple[Package, int, int]]) -> list[Package]:
        kept = self.choice.kept.get(key)

        def rank(found: tuple[Package, int, int]) -> tuple[bool, int, deb_version.Key, int]:
            one, priority, at = found
            stays = kept == (one.version, self.offerings[at].name)
            return stays, priority, deb_version.key(one.version), -at

        return [one for one, _, _ in sorted(versions.values(), key=rank, reverse=True)]
