"""Which packages ``apt-get install`` marks: one version of each name, depth first, the first way that works. Pure.

This is what apt's depcache does before its problem resolver is asked: what is wanted is marked first, then what each
package needs, in the order of its relations; what is not available is not tried again. Where that leaves something
broken, the result is no solution, and :mod:`.install` searches for one.

Source: the behaviour of apt 2.6, as ``apt-get -s`` shows it (tests/kinds/apt/test_choice.py compares).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.offers import Alternatives
from cudepot.kinds.apt.rules.union import Name, Union

_DEEPEST = 3000  # apt goes no deeper
RECOMMENDS = "Recommends"


class Taken(NamedTuple):
    """A package that is marked, and for whom; None for what is wanted itself."""

    package: Package
    by: Package | None


class Present:
    """What a machine has before: relations that it meets are not followed; empty for a bare one."""

    def meets(self, relation: Relation, by: Package) -> bool:  # noqa: ARG002
        """Return whether what the machine has meets a relation."""
        return False


@dataclass(slots=True)
class Marking:
    """The marks on one machine, as they grow.

    Attributes:
        union: what there is.
        present: what the machine has before.
        recommends: whether what packages recommend is marked as well, where it can be.
        marked: what is marked.
        discarded: names of which nothing may be marked any more.
        sought: for whom a package was looked at first.
    """

    union: Union
    present: Present
    recommends: bool = False
    marked: dict[Name, Taken] = field(default_factory=dict)
    discarded: set[Name] = field(default_factory=set)
    sought: dict[Name, Package | None] = field(default_factory=dict)
    _offering: dict[str, list[Package]] = field(default_factory=dict)
    _protected: set[Name] = field(default_factory=set)
    _undone: bool = False

    def mark(self, wanted: Sequence[Package]) -> None:
        """Mark wanted packages with all that they need, as far as it goes; :meth:`broken` tells how far that is."""
        keys = [self.union.key(one) for one in wanted]
        for key, one in zip(keys, wanted, strict=True):
            self._set(key, Taken(one, None))
            self._protected.add(key)
        for key in keys:
            self._install(key, None, 0, by_user=True)
        if self._undone:
            self._sweep(keys)

    def broken(self) -> Iterator[tuple[Package, str]]:
        """Give the packages marked that could not stay, each with what is wrong."""
        for one, _ in self.marked.values():
            for said, group in self.union.facts(one).needs:
                if not self._is_met(group, one):
                    yield one, f"{said}: {' | '.join(map(str, group))}"
            for said, relation in self.union.facts(one).excludes:
                for other in self._offering.get(relation.name, ()):
                    if self.union.machine.hits(other, self.union.facts(other).offers, relation, one):
                        yield one, f"{said}: {relation}"

    def _needs(self, package: Package) -> Iterable[Alternatives]:
        facts = self.union.facts(package)
        return (*facts.needs, *facts.wishes) if self.recommends else facts.needs

    def _is_met(self, group: Sequence[Relation], by: Package) -> bool:
        return any(self.present.meets(one, by) or self._is_marked(one, by) for one in group)

    def _is_marked(self, relation: Relation, by: Package) -> bool:
        machine, facts = self.union.machine, self.union.facts
        return any(machine.meets(one, facts(one).offers, relation, by) for one in self._offering.get(relation.name, ()))

    def _install(self, key: Name, by: Package | None, depth: int, *, by_user: bool = False) -> bool:
        """Mark a package with what it needs; return whether that worked."""
        protected = key in self._protected
        self.sought.setdefault(key, by)
        package = self.marked[key].package if by_user else self.union.candidate(key)
        if package is None or key in self.discarded or depth > _DEEPEST:
            return False
        if key in self.marked and not protected:
            return True
        early = not protected and not by_user
        needs = [one for one in self._needs(package) if protected or not self._is_met(one[1], package)]
        good = self._make_room(package, protected=protected)
        if not good and early:
            return False
        if key not in self.marked:
            self._set(key, Taken(package, by))
        self._protected.add(key)
        followed = self._follow(package, needs, depth, protected=protected, early=early)
        if not protected:
            self._protected.discard(key)
        if not followed and early:
            self._unset(key)
            self.discarded.add(key)
            return False
        return good and followed

    def _make_room(self, package: Package, *, protected: bool) -> bool:
        """Take the marks off what a package excludes; return whether all of that may go."""
        good = True
        for _, relation in self.union.facts(package).excludes:
            for other in list(self._offering.get(relation.name, ())):
                if self.union.machine.hits(other, self.union.facts(other).offers, relation, package):
                    key = self.union.key(other)
                    good = good and key not in self._protected
                    if key not in self._protected:
                        self._unset(key)
            if protected:
                for other in self.union.hit(relation, package):
                    if self.union.key(other) not in self.marked:
                        self.discarded.add(self.union.key(other))
        return good

    def _follow(
        self, package: Package, needs: Sequence[Alternatives], depth: int, *, protected: bool, early: bool
    ) -> bool:
        good = True
        for said, group in needs:
            if self._is_met(group, package):
                if protected and said != RECOMMENDS:
                    good = self._protect(package, group, depth) and good
                continue
            if not self._any(package, said, group, depth, protected=protected) and said != RECOMMENDS:
                good = False
                if early:
                    break
        return good

    def _protect(self, package: Package, group: Sequence[Relation], depth: int) -> bool:
        """Hold on to the only package that can meet a need of one that is held on to."""
        possible = self._possible(group, package)
        if len(possible) != 1:
            return True
        key = self.union.key(possible[0])
        if key in self._protected or key not in self.marked:
            return True
        self._protected.add(key)
        return self._install(key, package, depth + 1)

    def _any(self, package: Package, said: str, group: Sequence[Relation], depth: int, *, protected: bool) -> bool:
        possible = self._possible(group, package)
        for one in possible:
            key = self.union.key(one)
            if protected and said != RECOMMENDS and len(possible) == 1 and key not in self.marked:
                if key in self.discarded:
                    continue
                self._set(key, Taken(one, package))
                self._protected.add(key)
            if self._install(key, package, depth + 1):
                return True
        return False

    def _possible(self, group: Sequence[Relation], by: Package) -> list[Package]:
        found = {id(one): one for relation in group for one in self.union.candidates(relation, by)}
        return [one for one in found.values() if self.union.key(one) not in self.discarded]

    def _set(self, key: Name, taken: Taken) -> None:
        self.marked[key] = taken
        for name in {one.name for one in self.union.facts(taken.package).offers}:
            self._offering.setdefault(name, []).append(taken.package)

    def _unset(self, key: Name) -> None:
        taken = self.marked.pop(key, None)
        self._undone = True
        if taken is not None:
            for name in {one.name for one in self.union.facts(taken.package).offers}:
                self._offering[name].remove(taken.package)

    def _sweep(self, keys: Sequence[Name]) -> None:
        """Take the marks off what was marked for something that is no longer marked, as apt does in the end."""
        reached, ahead = set(keys), list(keys)
        while ahead:
            taken = self.marked.get(ahead.pop())
            for other in self._reached_from(taken.package) if taken else ():
                key = self.union.key(other)
                if key not in reached:
                    reached.add(key)
                    ahead.append(key)
        for key in [one for one in self.marked if one not in reached]:
            self._unset(key)

    def _reached_from(self, package: Package) -> Iterator[Package]:
        """Give the packages marked that one needs, recommends or suggests: apt keeps all of these."""
        facts, machine = self.union.facts, self.union.machine
        groups = (group for _, group in (*facts(package).needs, *facts(package).wishes, *package.suggests()))
        for relation in (one for group in groups for one in group):
            for other in self._offering.get(relation.name, ()):
                if machine.meets(other, facts(other).offers, relation, package):
                    yield other
