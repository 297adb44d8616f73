"""Walks the edges of uv's lock for one target: what its machines need, and for which patch levels of Python.

A target that means every patch level is walked once for each stretch of patch levels between which no marker of the
lock tells a difference; what is met on some of them only keeps a marker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.version import InvalidVersion

from cudepot.errors import FormatError
from cudepot.kinds.wheels.rules.target import Target, machine, patch_levels
from cudepot.kinds.wheels.rules.uv_lock import Edge, Package, read_marker
from cudepot.kinds.wheels.rules.uv_project import PROJECT

_Lock = Mapping[str, Sequence[Package]]
_Key = tuple[str, str]  # project and version


@dataclass(slots=True)
class Need:
    """A package that a target needs.

    Attributes:
        package: which.
        levels: patch levels of Python at which it is needed.
        edges: what it needs itself, as ``name[extra]``, each with the patch levels at which it does.
    """

    package: Package
    levels: set[int] = field(default_factory=set)
    edges: dict[str, set[int]] = field(default_factory=dict)


class Walk:
    """The packages a target needs.

    Args:
        lock: packages by project.
        target: for which machines.

    Attributes:
        needs: by project and version.

    Raises:
        FormatError: the lock does not hold together.
    """

    def __init__(self, lock: _Lock, target: Target) -> None:
        self._lock, self._target = lock, target
        self._levels = patch_levels(target, _texts(lock))
        self._parents: dict[str, str] = {}
        self.needs: dict[_Key, Need] = {}
        for level in self._levels:
            self._walk(level)

    def _walk(self, level: int) -> None:
        holds = _Markers(machine(self._target, level))
        waiting = deque([(_only(self._lock, PROJECT), "")])
        seen = {(PROJECT, "0", "")}
        while waiting:
            package, extra = waiting.popleft()
            for edge in package.extras.get(extra, ()) if extra else package.edges:
                if holds(edge.marker):
                    other = self._meant(edge, holds)
                    self._note(package, edge, other, level)
                    for one in ("", *sorted(edge.extras)):
                        if (key := (other.name, str(other.version), one)) not in seen:
                            seen.add(key)
                            waiting.append((other, one))

    def _meant(self, edge: Edge, holds: _Markers) -> Package:
        """Return the package an edge leads to."""
        there = [one for one in self._lock.get(edge.name, ()) if edge.version in (None, one.version)]
        if len(there) > 1:
            there = [one for one in there if not one.places or any(map(holds, one.places))]
        if len(there) != 1:
            raise FormatError(f"uv's lock has {len(there)} versions of {edge.name} for {self._target.name}")
        return there[0]

    def _note(self, package: Package, edge: Edge, other: Package, level: int) -> None:
        need = self.needs.setdefault((other.name, str(other.version)), Need(other))
        need.levels.add(level)
        if package.name == other.name:
            return
        self._parents.setdefault(other.name, package.name)
        if package.name != PROJECT:
            name = f"{other.name}[{','.join(sorted(edge.extras))}]" if edge.extras else other.name
            parent = self.needs[package.name, str(package.version)]
            parent.edges.setdefault(name, set()).add(level)

    def marker(self, levels: Iterable[int]) -> str:
        """Return for which patch levels something holds; empty for all that the target means."""
        return _ranges(self._target, self._levels, set(levels))

    def requires(self, need: Need) -> tuple[str, ...]:
        """Return what a package needs on this target, with markers where not wherever it is needed itself."""
        found = []
        for name, levels in need.edges.items():
            marker = "" if levels == need.levels else self.marker(levels)
            found.append(f"{name}; {marker}" if marker else name)
        return tuple(sorted(found))

    def chain(self, project: str) -> list[str]:
        """Return who wants a project, from what the environment asks for down to it."""
        found = [project]
        while (parent := self._parents.get(found[0], PROJECT)) != PROJECT and parent not in found:
            found.insert(0, parent)
        return found


class _Markers:
    """Tells which markers hold on a machine."""

    def __init__(self, machine: Mapping[str, str]) -> None:
        self._machine, self._known = dict(machine), {"": True}

    def __call__(self, text: str) -> bool:
        if text not in self._known:
            try:
                self._known[text] = read_marker(text).evaluate(self._machine)
            except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion) as error:
                raise FormatError(f"uv's lock has a marker that cannot be evaluated here: {text[:200]}") from error
        return self._known[text]


def _only(lock: _Lock, name: str) -> Package:
    if len(lock.get(name, ())) != 1:
        raise FormatError(f"uv's lock does not contain {name}")
    return lock[name][0]


def _texts(lock: _Lock) -> Iterator[str]:
    for package in (one for several in lock.values() for one in several):
        yield from package.places
        for edges in (package.edges, *package.extras.values()):
            yield from (one.marker for one in edges)


def _ranges(target: Target, all_levels: Sequence[int], levels: set[int]) -> str:
    """Return a marker for stretches of patch levels, each named by its first; empty for all of them."""
    if levels == set(all_levels):
        return ""
    ends = [*all_levels[1:], None]
    stretches: list[list[int | None]] = []
    for start, end in zip(all_levels, ends, strict=True):
        if start in levels and stretches and stretches[-1][1] == start:
            stretches[-1][1] = end
        elif start in levels:
            stretches.append([start, end])
    return " or ".join(_range(target, start, end) for start, end in stretches)


def _range(target: Target, start: int | None, end: int | None) -> str:
    major, minor = target.minor
    name = f"python_full_version {{}} '{major}.{minor}.{{}}'"
    terms = [*([name.format(">=", start)] if start else []), *([name.format("<", end)] if end is not None else [])]
    return " and ".join(terms)
