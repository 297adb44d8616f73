"""What differs between two solutions of the same environments: projects that went up, down, came and went. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from cudepot.catalog.ecosystems import row_for
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.solution.graph import by_place


class Direction(StrEnum):
    """In which way a project of a target moved."""

    UP = "up"
    DOWN = "down"
    NEW = "new"
    GONE = "gone"
    REBUILT = "other files"


class Move(NamedTuple):
    """A project that is not the same in two solutions.

    Attributes:
        environment: its name.
        ecosystem: name of a row of ``catalog/ecosystems.py``.
        targets: where it moved so; empty for all that the environment has in either.
        name: of the project.
        before, after: versions; empty for one that came or went.
    """

    environment: str
    ecosystem: str
    targets: tuple[str, ...]
    name: str
    before: str
    after: str
    direction: Direction


def moves(before: Lock, after: Lock) -> tuple[Move, ...]:
    """Return what differs between the environments of two locks, the same in several targets told once."""
    old, new = _solutions(before), _solutions(after)
    found: dict[Move, list[str]] = {}
    every: dict[str, list[str]] = {}
    for environment, target in {**old, **new}:
        every.setdefault(environment, []).append(target)
        here, there = old.get((environment, target), {}), new.get((environment, target), {})
        for one in _moved(environment, here, there):
            found.setdefault(one, []).append(target)
    merged = (
        one._replace(targets=() if targets == every[one.environment] else tuple(targets))
        for one, targets in found.items()
    )
    return tuple(sorted(merged, key=lambda one: (one.environment, one.ecosystem, one.name, one.targets)))


_Solution = Mapping[tuple[str, str], list[Artifact]]
"""Kind of artifact and name → its files in a target."""


def _solutions(lock: Lock) -> Mapping[tuple[str, str], _Solution]:
    artifacts, found = by_place(lock.artifacts), dict[tuple[str, str], dict[tuple[str, str], list[Artifact]]]()
    for environment in lock.environments:
        for target in environment.targets:
            files = found.setdefault((environment.name, target.name), {})
            for member in target.members:
                if one := artifacts.get((member.upstream, member.filename)):
                    files.setdefault((one.kind, one.name), []).append(one)
    return found


def _moved(environment: str, old: _Solution, new: _Solution) -> Iterator[Move]:
    for kind, name in sorted(old.keys() | new.keys()):
        here, there = old.get((kind, name), []), new.get((kind, name), [])
        if {one.digest for one in here} != {one.digest for one in there}:
            row = row_for(kind)
            before, after = _versions(here), _versions(there)
            yield Move(environment, row.name, (), name, before, after, _direction(here, there, row.versions))


def _versions(files: Iterable[Artifact]) -> str:
    return ", ".join(dict.fromkeys(one.version for one in files))


def _direction(
    old: list[Artifact], new: list[Artifact], versions: Callable[[], Callable[[str], Any]] | None
) -> Direction:
    if not old or not new:
        return Direction.GONE if old else Direction.NEW
    if {one.version for one in old} == {one.version for one in new}:
        return Direction.REBUILT
    key = versions() if versions else str
    return Direction.UP if max(map(key, _all(new))) >= max(map(key, _all(old))) else Direction.DOWN


def _all(files: Iterable[Artifact]) -> list[str]:
    return [one.version for one in files]
