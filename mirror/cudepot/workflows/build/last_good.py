"""What is built of an upstream whose locked artifacts are missing: what was published of it last."""

from __future__ import annotations

from collections.abc import Collection

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.lock_parts import beside
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of
from cudepot.depot.sync_memory import mirrored_objects
from cudepot.digest import Digest
from cudepot.kinds.mirror_files import read_whole, wholes
from cudepot.kinds.registry import checking
from cudepot.store.local import LocalStore


def with_last_good(depot: Depot, lock: Lock) -> tuple[Lock, tuple[str, ...]]:
    """Return the lock to publish, and the names of the upstreams that stay as in the last snapshot.

    An upstream is taken whole, from this lock or from that of the last snapshot, never from both.

    Args:
        depot: the depot.
        lock: the present lock.
    """
    every = checking(lock)
    broken = {one.upstream for one in lock.artifacts if not depot.store.has(one.digest)}
    broken |= {name for name, _, digest in beside(lock) if not depot.store.has(digest)}
    known = mirrored_objects(depot.store, lock) if any(wholes(lock)) else {}
    broken |= {one.name for one in wholes(lock) if not _is_complete(depot.store, one, known.get(one.name))}
    broken |= {one.name for one in lock.upstreams for checks in every if checks.unchecked(depot, lock, one)}
    earlier = depot.history.latest(1) if broken else ()
    if not earlier:
        return lock, ()
    last = lock_of(depot.store, earlier[0])
    held = tuple(one.name for one in lock.upstreams if one.name in broken and last.upstream(one.name))
    parts = [(last if one.name in held else lock, one.name) for one in lock.upstreams]
    return Lock(
        tuple(found for of, name in parts if (found := of.upstream(name))),
        tuple(artifact for of, name in parts for artifact in of.of(name)),
        lock.accepted_eula,
        lock.allowed_unsolvable,
    ), held


def _is_complete(store: LocalStore, upstream: LockedUpstream, known: Collection[Digest] | None) -> bool:
    """Return whether all of a whole mirror is here; its index is read where it is not ``known`` what that is."""
    if known is not None:
        return all(map(store.has, known))
    if not all(store.has(one.digest) for one in upstream.files):
        return False
    found = read_whole(store, upstream)
    return not found.unknown and all(store.has(one) for one in found.tree.values())
