"""How the dependencies of packages in an apt repository may be met: by what, in which order, or from outside. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cudepot.catalog.unsolvable import Unsolvable
from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.install import Need, named
from cudepot.kinds.apt.rules.machine import Machine, admitted
from cudepot.kinds.apt.rules.offers import Facts, Offers, Shelf, offers_under
from cudepot.kinds.apt.rules.pins import DebPin, PinTable


@dataclass(slots=True)
class Selection:
    """What was chosen, and why.

    Attributes:
        chosen: name, version and architecture → the package and why.
        external: what the distribution has to provide.
        findings: what no client could install.
        notes: what else is to be told, a line each.
    """

    chosen: dict[tuple[str, str, str], tuple[Package, str]] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)
    findings: list[Unsolvable] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    _shelves: dict[str, tuple[Shelf, Shelf]] = field(default_factory=dict)

    def shelves(self, name: str) -> tuple[Shelf, ...]:
        """Return the chosen packages of that name, and those that provide it."""
        return self._shelves.get(name, ())

    def add(self, package: Package, why: str, offers: Sequence[Relation]) -> None:
        """Choose a package that offers these names, unless it is chosen already."""
        key = (package.name, package.version, package.architecture)
        if key in self.chosen:
            return
        self.chosen[key] = (package, why)
        for name in {one.name for one in offers}:
            for real, shelf in zip((True, False), self._shelves.setdefault(name, (Shelf(), Shelf())), strict=True):
                for one in offers_under(name, package, offers, real=real):
                    shelf.add(one)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of a repository, and what is not looked for there.

    Attributes:
        name: the repository's, for findings.
        pins: what is wanted.
        architectures: machines it is wanted for; packages for all machines are always taken.
        boundary: globs over names of dependencies that are not followed: the distribution provides them.
        external: where it is known, all that the distribution provides; else that is what the repository lacks.
    """

    name: str
    pins: Sequence[DebPin]
    architectures: Sequence[str]
    boundary: Sequence[str] = ()
    external: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class DebRules:
    """How needs are met in one repository on one machine; see :class:`cudepot.kinds.apt.rules.install.Rules`."""

    offers: Offers
    wishes: Wishes
    table: PinTable
    machine: Machine
    selection: Selection
    _shelves: dict[tuple[str, bool], Shelf] = field(default_factory=dict)
    _present: dict[tuple[str, str, str], list[Package]] = field(default_factory=dict)
    _beyond: dict[str, bool] = field(default_factory=dict)

    def facts(self, package: Package) -> Facts:
        """Return the relations of a package."""
        return self.offers.facts(package)

    def is_choice(self, need: Need) -> bool:
        """Return whether several packages could meet a need."""
        return len(need.group) > 1 or not self.offers.named(need.group[0].name)

    def candidates(self, need: Need) -> Iterator[Package | None]:
        """Give what is chosen anyway, then what the boundary leaves of the alternatives in their order."""
        seen: set[int] = set()
        for relation in need.group:
            for one in self._meeting(self.selection.shelves(relation.name), relation, need):
                seen.add(id(one))
                yield one
        if any(self._is_beyond(relation.name) for relation in need.group):
            yield None
            return
        for relation in need.group:
            for one in self._nearest_first(relation, need):
                if self._is_beyond(one.name):
                    yield None
                elif id(one) not in seen:
                    yield one
        if self._is_external(need):
            yield None

    def lacking(self, need: Need) -> str:
        """Return in words what is there of what a need asks for, where nothing meets it."""
        there = [(relation.name, one) for relation in need.group for one in self._there(relation, need)]
        texts = dict.fromkeys(named(one) if one.name == name else f"{named(one)} for {name}" for name, one in there)
        pinned = ", and pins leave out some" if any(not self.table.allows(one) for _, one in there) else ""
        names = " or ".join(dict.fromkeys(relation.name for relation in need.group))
        odd = [fault for relation in need.group for fault in self.offers.set_aside(relation.name)]
        aside = f"; left out: {'; '.join(odd[:3])}" if odd else ""
        return f"there is {', '.join([*texts][-8:])}{pinned}{aside}" if texts else f"there is no package {names}{aside}"

    def elsewhere(self, need: Need) -> Iterator[str]:
        """Give a line where a need is left to the distribution, and is met on an architecture nobody asked for."""
        known = ("", "any", "native", "all", *self.wishes.architectures)
        for relation in need.group:
            others = [one for one in self.offers.named(relation.name) if one.architecture not in known]
            fitting = (one for one in others if self._would_meet(one, relation, need))
            if found := next(fitting, None):
                what = f"{named(found)} is in the upstream for {found.architecture}"
                yield f"{named(need.by)} needs {need}: {what}: add it to `architectures`"
            elif relation.architecture not in known:
                yield f"{named(need.by)} needs {need}: {relation.architecture} is not in `architectures`"

    def _would_meet(self, package: Package, relation: Relation, need: Need) -> bool:
        reached = self.machine.reaches(package, relation, need.by)
        return reached and admitted(self.facts(package).offers, relation)

    def _nearest_first(self, relation: Relation, need: Need) -> Iterator[Package]:
        """Give the packages on offer that meet a relation, those of the architecture that asks first."""
        own, others = self.machine.architecture(need.by), []
        for one in self._meeting((self._shelf(relation.name), self._shelf(relation.name, real=False)), relation, need):
            if self.machine.architecture(one) == own:
                yield one
            else:
                others.append(one)
        yield from others

    def _meeting(self, shelves: Iterable[Shelf], relation: Relation, need: Need) -> Iterator[Package]:
        for one in (package for shelf in shelves for package in shelf.fitting(relation)):
            if self._would_reach(one, relation, need):
                yield one

    def _shelf(self, name: str, *, real: bool = True) -> Shelf:
        """Return the packages of a name that the pins admit: one of which a pin speaks is taken as pinned only."""
        if (name, real) not in self._shelves:
            found = self.offers.named(name) if real else self.offers.providing(name)
            offers = (
                one
                for package in found
                if self.table.allows(package)
                for one in offers_under(name, package, self.facts(package).offers, real=real)
            )
            self._shelves[name, real] = Shelf(offers)
        return self._shelves[name, real]

    def _is_beyond(self, name: str) -> bool:
        if name not in self._beyond:
            self._beyond[name] = any(fnmatch.fnmatchcase(name, glob) for glob in self.wishes.boundary)
        return self._beyond[name]

    def _is_external(self, need: Need) -> bool:
        """Return whether the distribution may be left to meet a need: it says so, or there is nothing of it here."""
        if self.wishes.external is None:
            return any(not self._there(relation, need) for relation in need.group)
        plain = " | ".join(str(one).replace(f":{one.architecture}", "") for one in need.group)
        return str(need) in self.wishes.external or plain in self.wishes.external  # older locks have no architectures

    def _there(self, relation: Relation, need: Need) -> list[Package]:
        """Return what is offered under a name for the machine, in whatever version."""
        key = (relation.name, relation.architecture, self.machine.architecture(need.by))
        if key not in self._present:
            every = (*self.offers.named(relation.name), *self.offers.providing(relation.name))
            self._present[key] = [one for one in every if self._would_reach(one, relation, need)]
        return self._present[key]

    def _would_reach(self, package: Package, relation: Relation, need: Need) -> bool:
        return self.machine.takes(package) and self.machine.reaches(package, relation, need.by)
