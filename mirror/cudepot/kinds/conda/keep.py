"""Older versions of what an environment asks for, as far as they still solve: each is a target of its own.

A target that names the older version exactly is installed, exported and proved like any other, so the union of the
solutions needs no other rules than one solution.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cudepot.builders.channel_solution import Solution
from cudepot.catalog.lock import LockedTarget
from cudepot.formats.conda_record import without_suffix

_ODD = re.compile(r"[^A-Za-z0-9._+-]")
Ask = Callable[[Sequence[LockedTarget]], Sequence[Solution]]
"""Gives the solution of each target."""


class _Line(NamedTuple):
    """One package on one sort of machine, on the way from newer versions to older ones."""

    target: LockedTarget
    name: str
    version: str

    @property
    def below(self) -> LockedTarget:
        """The target with only older versions of it."""
        return self.target._replace(roots=(*self.target.roots, f"{self.name} <{self.version}"))

    @property
    def exact(self) -> LockedTarget:
        """The target with this version of it."""
        name = f"{self.target.name}-{self.name}{_ODD.sub('-', self.version)}"
        return self.target._replace(name=name, roots=(*self.target.roots, f"{self.name} =={self.version}"))


def older(
    keep: int, targets: Sequence[LockedTarget], found: Sequence[Solution], names: Sequence[str], ask: Ask
) -> Iterator[tuple[LockedTarget, Solution]]:
    """Give a target and its solution for each older version of a package that still solves.

    Args:
        keep: how many versions of each package there are to be, the newest included.
        targets: sorts of machines.
        found: their solutions with the newest versions.
        names: of the packages that are asked for.
        ask: solves targets; those that cannot be are refused.
    """
    lines = [
        _Line(target, name, version)
        for target, one in zip(targets, found, strict=True)
        for name, version in versions_of(one).items()
        if name in names
    ]
    for _ in range(keep - 1):
        answers = ask([one.below for one in lines]) if lines else []
        pairs = [(line, one) for line, one in zip(lines, answers, strict=True) if not one.refused]
        lines = [line._replace(version=versions_of(one)[line.name]) for line, one in pairs]
        yield from ((line.exact, one) for line, (_, one) in zip(lines, pairs, strict=True))


def versions_of(solution: Solution) -> Mapping[str, str]:
    """Return the version of each package in a solution."""
    parts = (without_suffix(filename).rsplit("-", 2) for _, _, filename in solution.found)
    return {name: version for name, version, _ in parts}
