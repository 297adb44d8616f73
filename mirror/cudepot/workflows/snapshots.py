"""``cudepot snapshots`` and ``cudepot diff``: what the store's snapshots hold, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.diff import Change, count_packages, diff_trees, reasons
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.builds import records
from cudepot.depot.history import History
from cudepot.depot.snapshots import lock_of
from cudepot.errors import CudepotError, StorageError
from cudepot.ports import Progress, Site
from cudepot.store.local import LocalStore


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


def list_snapshots(store: LocalStore, history: History, site: Site, progress: Progress) -> tuple[Listed, ...]:
    """Return all snapshots of the store, the oldest first, their signatures checked."""
    shown = site.current()
    return tuple(_listed(store, history, progress, number, shown == number) for number in history.numbers())


def _listed(store: LocalStore, history: History, progress: Progress, number: int, shown: bool) -> Listed:
    progress.step(f"reading snapshot {number}")
    try:
        one = history.load(number)
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
        sum(not store.has(digest) for digest in held),
        one.rollback,
        shown,
    )


def diff_snapshots(
    store: LocalStore, history: History, progress: Progress, first: int, second: int
) -> tuple[Change, ...]:
    """Return the packages that differ between two snapshots of the store, and why."""
    before, after = history.find(first), history.find(second)
    progress.step(f"comparing snapshots {first} and {second}")
    built = {one.digest.sha256: job for _, job, made in records(store) for one in made}
    why = reasons(_lock_or_none(store, before), _lock_or_none(store, after), built)
    return tuple(diff_trees(before.tree, after.tree, why))


def _lock_or_none(store: LocalStore, snapshot: Snapshot) -> Lock:
    """Return the lock of a snapshot; an empty one where the store lost it: what changed is told all the same."""
    try:
        return lock_of(store, snapshot)
    except StorageError:
        return Lock()
