"""``cudepot snapshots`` and ``cudepot diff``: what the store's snapshots hold, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.diff import Change, count_packages, diff_trees, reasons
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.builds import records
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of
from cudepot.errors import CudepotError, StorageError


@dataclass(frozen=True, slots=True)
class Listed:
    """One snapshot of the store.

    Attributes:
        packages: ecosystem → number of packages.
        files, bytes: the whole tree.
        missing: files of the tree that the store lacks.
        rollback: the older snapshot it shows again; 0 for an ordinary one.
        shown: whether the site shows it.
        fault: why it cannot be trusted; the other values are empty then.
    """

    number: int
    created: str
    signer: str
    packages: dict[str, int]
    files: int
    bytes: int
    missing: int
    rollback: int
    shown: bool
    fault: str = ""


def list_snapshots(depot: Depot) -> tuple[Listed, ...]:
    """Return all snapshots of the store, the oldest first, their signatures checked."""
    shown = depot.site().current()
    return tuple(_listed(depot, number, shown == number) for number in depot.history.numbers())


def _listed(depot: Depot, number: int, shown: bool) -> Listed:
    depot.progress.step(f"reading snapshot {number}")
    try:
        one = depot.history.load(number)
    except CudepotError as error:
        return Listed(number, "", "", {}, 0, 0, 0, 0, shown, str(error))
    held = set(one.tree.values())
    return Listed(
        number,
        one.created,
        one.signer,
        count_packages(one.tree),
        len(one.tree),
        sum(digest.size for digest in held),
        sum(not depot.store.has(digest) for digest in held),
        one.rollback,
        shown,
    )


def diff_snapshots(depot: Depot, first: int, second: int) -> tuple[Change, ...]:
    """Return the packages that differ between two snapshots of the store, and why."""
    before, after = depot.history.find(first), depot.history.find(second)
    depot.progress.step(f"comparing snapshots {first} and {second}")
    built = {one.digest.sha256: job for _, job, made in records(depot.store) for one in made}
    why = reasons(_lock_or_none(depot, before), _lock_or_none(depot, after), built)
    return tuple(diff_trees(before.tree, after.tree, why))


def _lock_or_none(depot: Depot, snapshot: Snapshot) -> Lock:
    """Return the lock of a snapshot; an empty one where the store lost it: what changed is told all the same."""
    try:
        return lock_of(depot.store, snapshot)
    except StorageError:
        return Lock()
