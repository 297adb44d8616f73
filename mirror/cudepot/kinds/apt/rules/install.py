"""Which packages can be installed together with some that are wanted: their dependencies, with nothing excluded. Pure.

One version of each name and architecture is chosen, as on a machine: alternatives in the order in which they are
written, of each the newest version. Where that ends in a conflict, what the conflict hangs from is chosen
differently (conflict-directed backjumping), so that an older version is found where one fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.offers import Facts

STEPS = 20_000
"""Packages tried for one wanted set before it counts as undecided, beside what is chosen: real ones need hundreds."""


class Need(NamedTuple):
    """A dependency of a package on one machine: any of ``group`` will do; ``level`` is where ``by`` was chosen."""

    by: Package
    field: str
    group: Sequence[Relation]
    level: int

    def __str__(self) -> str:
        return " | ".join(map(str, self.group))


class Rules(Protocol):
    """What decides how a need may be met."""

    def facts(self, package: Package) -> Facts:
        """Return the relations of a package."""

    def candidates(self, need: Need) -> Iterator[Package | None]:
        """Give the packages that may meet a need, the best first; None where the distribution provides it."""

    def is_choice(self, need: Need) -> bool:
        """Return whether several packages could meet a need, so that it waits for the others."""

    def lacking(self, need: Need) -> str:
        """Return in words what is there of what a need asks for, where nothing meets it."""


class DeadEnd(NamedTuple):
    """A need that nothing meets, and why: what was tried and what excludes it."""

    need: Need
    because: str


class Undecided(Exception):  # noqa: N818 - it is an answer, for the caller alone
    """The search took too many steps."""


@dataclass(slots=True)
class _Frame:
    """One decision: how a need is met, or that a package is wanted, and where the search stood before it."""

    need: Need | Package
    candidates: Iterator[Package | None]
    marks: tuple[int, int, int, int, int]
    conflict: set[int]
    chosen: Package | None = None
    reasons: list[str] = field(default_factory=list)


class Chosen(NamedTuple):
    """A package of a solution, and the one that needs it; None for those that were wanted."""

    package: Package
    by: Package | None


@dataclass(slots=True)
class Search:
    """One wanted set on one machine.

    Attributes:
        external: needs that the distribution provides.
        dead_end: the first need that could not be met, whether or not another choice helped.
        lenient: whether exclusions are ignored and needs that nothing meets are left out: for what is published
            although it cannot be installed.
    """

    rules: Rules
    machine: Machine
    lenient: bool = False
    external: list[Need] = field(default_factory=list)
    dead_end: DeadEnd | None = None
    _frames: list[_Frame] = field(default_factory=list)
    _offering: dict[str, list[tuple[Package, int]]] = field(default_factory=dict)
    _excluding: dict[str, list[tuple[str, Relation, Package, int]]] = field(default_factory=dict)
    _outside: dict[str, list[int]] = field(default_factory=dict)
    _now: list[Need] = field(default_factory=list)
    _later: list[Need] = field(default_factory=list)
    _at: list[int] = field(default_factory=lambda: [0, 0])
    _steps: int = 0

    def run(self, wanted: Sequence[Package]) -> list[Chosen] | None:
        """Return the wanted packages with what they need, in the order they were chosen; None where none fits.

        Raises:
            Undecided: the search took too many steps.
        """
        for one in wanted:
            self._push(one, iter((one,)), set())
            if not self._advance():
                return None
        while (need := self._next()) is not None:
            if not self._is_met(need):
                self._push(need, self.rules.candidates(need), {need.level})
                if not self._advance():
                    return None
        return [
            Chosen(one.chosen, one.need.by if isinstance(one.need, Need) else None)
            for one in self._frames
            if one.chosen is not None
        ]

    def _next(self) -> Need | None:
        for number, queue in enumerate((self._now, self._later)):
            if self._at[number] < len(queue):
                self._at[number] += 1
                return queue[self._at[number] - 1]
        return None

    def _push(self, need: Need | Package, candidates: Iterator[Package | None], conflict: set[int]) -> None:
        marks = (len(self._now), self._at[0], len(self._later), self._at[1], len(self.external))
        self._frames.append(_Frame(need, candidates, marks, conflict))

    def _advance(self) -> bool:
        """Decide the last frame; where nothing is left for it, go back to what its conflict hangs from."""
        while self._frames:
            frame = self._frames[-1]
            if self._decided(frame):
                return True
            if self.lenient:
                return True
            if self.dead_end is None:
                self.dead_end = self._dead_end(frame)
            self._frames.pop()
            if not self._back_to(max(frame.conflict, default=-1), frame.conflict):
                return False
        return False

    def _decided(self, frame: _Frame) -> bool:
        for candidate in frame.candidates:
            self._steps += 1
            if self._steps > STEPS + 4 * len(self._frames):
                raise Undecided
            blockers = dict(self._blockers(candidate, frame)) if not self.lenient else {}
            if not blockers:
                self._place(frame, candidate)
                return True
            frame.conflict |= blockers.keys()
            frame.reasons += list(blockers.values())[:1]
        return False

    def _back_to(self, level: int, conflict: set[int]) -> bool:
        """Undo all decisions above a level and that one itself, which has to be taken differently now."""
        if level < 0:
            return False
        while len(self._frames) > level + 1:
            self._undo(self._frames.pop())
        self._undo(self._frames[level])
        self._frames[level].conflict |= conflict - {level}
        return True

    def _place(self, frame: _Frame, package: Package | None) -> None:
        frame.chosen, level = package, len(self._frames) - 1
        if package is None:
            assert isinstance(frame.need, Need), "only a dependency can come from the distribution"
            self.external.append(frame.need)
            if len(frame.need.group) == 1:
                self._outside.setdefault(frame.need.group[0].name, []).append(level)
            return
        facts = self.rules.facts(package)
        for name in {one.name for one in facts.offers}:
            self._offering.setdefault(name, []).append((package, level))
        for said, relation in facts.excludes:
            self._excluding.setdefault(relation.name, []).append((said, relation, package, level))
        for said, group in facts.needs:
            need = Need(package, said, group, level)
            (self._later if self.rules.is_choice(need) else self._now).append(need)

    def _undo(self, frame: _Frame) -> None:
        """Take a decision back; what was added last is removed first, so that the ends of the lists are it."""
        if len(self.external) > frame.marks[4] and len(self.external[-1].group) == 1:
            self._outside[self.external[-1].group[0].name].pop()
        if frame.chosen is not None:
            facts = self.rules.facts(frame.chosen)
            for name in {one.name for one in facts.offers}:
                self._offering[name].pop()
            for _, relation in facts.excludes:
                self._excluding[relation.name].pop()
        now, self._at[0], later, self._at[1], external = frame.marks
        del self._now[now:], self._later[later:], self.external[external:]
        frame.chosen = None

    def _is_met(self, need: Need) -> bool:
        return any(
            self.machine.meets(one, self.rules.facts(one).offers, relation, need.by)
            for relation in need.group
            for one, _ in self._offering.get(relation.name, ())
        )

    def _blockers(self, package: Package | None, frame: _Frame) -> Iterator[tuple[int, str]]:
        """Give the level and the reason of each decision that a candidate cannot stand beside."""
        if package is None:
            yield from self._missing(frame)
            return
        yield from self._same_place(package)
        yield from self._excluded_by_it(package)
        facts = self.rules.facts(package)
        for name in dict.fromkeys(one.name for one in facts.offers):
            for said, relation, other, level in self._excluding.get(name, ()):
                if self.machine.hits(package, facts.offers, relation, other):
                    yield level, f"{named(other)} {said}: {relation}" + _as_provided(package, relation)

    def _same_place(self, package: Package) -> Iterator[tuple[int, str]]:
        for other, level in self._offering.get(package.name, ()):
            if other.name == package.name and not self.machine.share(package, other):
                yield level, f"{named(other)} is also needed, in place of {named(package)}"

    def _excluded_by_it(self, package: Package) -> Iterator[tuple[int, str]]:
        for said, relation in self.rules.facts(package).excludes:
            reason = f"{named(package)} {said}: {relation}"
            for other, level in self._offering.get(relation.name, ()):
                if self.machine.hits(other, self.rules.facts(other).offers, relation, package):
                    yield level, reason + _as_provided(other, relation)
            for level in self._outside.get(relation.name, ()) if _is_of_all(relation, package) else ():
                yield level, reason

    def _missing(self, frame: _Frame) -> Iterator[tuple[int, str]]:
        """Give what excludes every version of a package that the distribution would have to provide."""
        assert isinstance(frame.need, Need), "only a dependency can come from the distribution"
        for relation in frame.need.group if len(frame.need.group) == 1 else ():
            for said, other, by, level in self._excluding.get(relation.name, ()):
                if _is_of_all(other, by):
                    yield level, f"{named(by)} {said}: {other}"

    def _dead_end(self, frame: _Frame) -> DeadEnd:
        because = "; ".join(dict.fromkeys(frame.reasons))
        if isinstance(frame.need, Need):
            return DeadEnd(frame.need, because or self.rules.lacking(frame.need))
        return DeadEnd(Need(frame.need, "", (), -1), because)


def named(package: Package) -> str:
    """Return a package's name and version as messages have them."""
    return f"{package.name} {package.version}"


def _is_of_all(relation: Relation, by: Package) -> bool:
    """Return whether an exclusion means a package in every version and architecture."""
    return not relation.operator and not relation.architecture and relation.name != by.name


def _as_provided(package: Package, relation: Relation) -> str:
    return "" if package.name == relation.name else f", which {named(package)} provides"
