"""What environments would take if all of them, or some projects, moved to newer versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_parts import pinned
from cudepot.depot.depot import Depot
from cudepot.depot.locked import lock_or_empty
from cudepot.kinds.kind import Because
from cudepot.kinds.registry import solves_of, solving
from cudepot.store.local import LocalStore
from cudepot.store.overlay import dry_run
from cudepot.workflows.lock.environments import Asked, with_environments
from cudepot.workflows.lock.settled import EnvironmentSize, Moved, Moves


def projects_among(depot: Depot, names: Sequence[str]) -> frozenset[str]:
    """Return those of some names that an environment has, as it is locked."""
    lock = lock_or_empty(depot.lock_path)
    there = {one.name for locked in lock.environments for one in lock.files_of(locked) or ()}
    kinds = solving().values()
    return frozenset(name for name in names if not there.isdisjoint(kind.name_of(name) for kind in kinds))


def moves(depot: Depot, upgrade: bool | frozenset[str], wait: float) -> Moves:
    """Resolve the environments with newer versions, on a store that is thrown away; nothing changes.

    Args:
        depot: the depot.
        upgrade: whether all projects may move, or which.
        wait: seconds to go on trying where a fault may pass.
    """
    if not upgrade or not depot.config.environments:
        return Moves()
    old = lock_or_empty(depot.lock_path)
    with dry_run(depot.store) as scratch:
        settled = with_environments(replace(depot, store=scratch), old, pinned(old), Asked(upgrade, (), wait))
        moved = tuple(
            one._replace(moved=tuple(_moved(scratch, old, settled.lock, one)))
            for one in settled.sizes
            if one.added or one.removed or one.changed
        )
    return Moves(moved, settled.failed)


def _moved(store: LocalStore, old: Lock, new: Lock, size: EnvironmentSize) -> Iterator[Moved]:
    """Give what an environment would have that it has not, and why its upstreams have that."""
    environment, before = new.environment(size.name, size.kind), old.environment(size.name, size.kind)
    assert environment is not None, "sizes are those in the lock"
    there = {(one.name, one.version) for one in (before and old.files_of(before)) or ()}
    fresh = [one for one in new.files_of(environment) or () if (one.name, one.version) not in there]
    why = solves_of(environment).because(store, new, fresh)
    found = ((one, why.get(one, Because())) for one in fresh)
    yield from dict.fromkeys(
        Moved(one.name, one.version, one.upstream, reason.source, reason.advisories) for one, reason in found
    )
