"""Explains what environments resolve to: ``cudepot why``, ``cudepot tree``, ``cudepot export --environment``. Reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import Graph, by_place, files_of
from cudepot.catalog.solution.tree import Line, lines
from cudepot.catalog.solution.why import GraphOf, Why, has, why
from cudepot.depot.depot import Depot
from cudepot.depot.history import History
from cudepot.depot.locked import load_lock
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.errors import CudepotError, PinError
from cudepot.kinds.registry import solves_of
from cudepot.store.local import LocalStore


class Since(NamedTuple):
    """The first of the snapshots in a row, down from the newest, that have a version.

    Attributes:
        version: which one.
        number, created: of the snapshot; 0 and empty where not even the newest has it.
        or_before: whether older snapshots, which are no longer in the store, may have had it too.
    """

    version: str
    number: int
    created: str
    or_before: bool = False


class TargetTree(NamedTuple):
    """One target of an environment.

    Attributes:
        environment, target: their names.
        projects, bytes: how many it has, and what they take together.
        lines: the tree.
    """

    environment: str
    target: str
    projects: int
    bytes: int
    lines: tuple[Line, ...]


def why_locked(depot: Depot, name: str) -> tuple[Why, tuple[Since, ...]]:
    """Return why a package is locked, and since when each of its versions is published.

    Raises:
        ConfigError: there is no lock, and nothing shown.
        PinError: nothing of that name is locked.
    """
    lock = _lock(depot)
    found = why(lock, name, _graphs(lock))
    shown = _Shown(depot.store, depot.history)
    return found, tuple(shown.since(found.name, version) for version in found.versions)


class _Shown:
    """The locks of snapshots, each read and its signature checked once."""

    def __init__(self, store: LocalStore, history: History) -> None:
        self._store, self._history, self._known = store, history, dict[int, tuple[str, Lock]]()

    def since(self, name: str, version: str) -> Since:
        """Return since when a version of a package is published."""
        found, numbers = Since(version, 0, ""), self._history.numbers()
        for number in reversed(numbers):
            try:
                created, lock = self._lock(number)
            except CudepotError:
                break  # `verify` tells of it; what is before it is not known for sure
            if not has(lock, name, version):
                break
            found = Since(version, number, created, or_before=number == numbers[0] > 1)
        return found

    def _lock(self, number: int) -> tuple[str, Lock]:
        if number not in self._known:
            snapshot = self._history.load(number)
            self._known[number] = snapshot.created, lock_of(self._store, snapshot)
        return self._known[number]


def trees(depot: Depot, name: str = "", target: str = "") -> tuple[TargetTree, ...]:
    """Return the trees of environments: of all, of one, or of one target.

    Raises:
        ConfigError: there is no lock, and nothing shown.
        PinError: there is no such environment or target; the hint names those there are.
    """
    lock = _lock(depot)
    graph = _graphs(lock)
    return tuple(_tree(one, each, graph(one, each)) for one, each in _chosen(lock, name, target))


def exported(depot: Depot, name: str, url: str, target: str = "") -> tuple[Mapping[str, str], int]:
    """Return the files that install an environment from the site, by name, and the number of the snapshot it is of.

    Args:
        depot: the depot.
        name: of the environment.
        url: where clients reach the site.
        target: the only target; empty for all.

    Raises:
        ConfigError: nothing is published yet.
        PinError: there is no such environment or target on the site, or it cannot be written.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    lock = lock_of(depot.store, snapshot)
    site = Exported(depot.config.site.label, snapshot.number, url.rstrip("/"), by_place(lock.artifacts))
    targets: dict[LockedEnvironment, list[LockedTarget]] = {}
    for one, each in _chosen(lock, name, target, "the site has none yet: run `cudepot publish`"):
        targets.setdefault(one, []).append(each)
    files: dict[str, str] = {}
    for one, several in targets.items():
        files |= solves_of(one).export(site, one._replace(targets=tuple(several)))
    return files, snapshot.number


def _lock(depot: Depot) -> Lock:
    """Return cudepot.lock; on the far side of an air gap the lock of what is shown."""
    if depot.config.site.origin:
        return lock_of(depot.store, shown_snapshot(depot.history, depot.site()))
    return load_lock(depot.lock_path)


def _graphs(lock: Lock) -> GraphOf:
    artifacts = by_place(lock.artifacts)

    def graph(environment: LockedEnvironment, target: LockedTarget) -> Graph:
        files: Iterable[Artifact] = files_of(target, artifacts).values()
        return solves_of(environment).graph(environment, target, files)

    return graph


def _chosen(
    lock: Lock, name: str, target: str, if_none: str = "add an [[environment]] to cudepot.toml and run `cudepot lock`"
) -> Iterator[tuple[LockedEnvironment, LockedTarget]]:
    """Give the targets of that name, of environments of that name; ``if_none`` is the hint where there are none."""
    named = [one for one in lock.environments if name in ("", one.name)]
    if not named:
        there = ", ".join(dict.fromkeys(one.name for one in lock.environments))
        raise PinError(
            f"there is no environment {name!r}" if name else "there is no environment",
            hint=f"known: {there}" if there else if_none,
        )
    found = [(one, each) for one in named for each in one.targets if target in ("", each.name)]
    if not found:
        there = ", ".join(dict.fromkeys(each.name for one in named for each in one.targets))
        raise PinError(f"no environment has a target {target!r}", hint=f"known: {there}")
    yield from found


def _tree(environment: LockedEnvironment, target: LockedTarget, graph: Graph) -> TargetTree:
    size = graph.size(graph.files)
    return TargetTree(environment.name, target.name, len(graph.files), size, tuple(lines(graph)))
