"""``cudepot snapshots`` and ``cudepot diff``: what the store's snapshots hold, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

import tomli

from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import parse_lock
from cudepot.catalog.snapshot import Snapshot
from cudepot.catalog.snapshot_diff import Change, count_packages, diff_trees, reasons
from cudepot.digest import MismatchError, VerifyingReader
from cudepot.errors import ConfigError, CudepotError, StorageError, TrustError
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.builds import records
from cudepot.workflows.depot import Depot
from cudepot.workflows.history import load_snapshot


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
    snapshots, shown = Snapshots(depot.store.root), depot.site().current()
    return tuple(_listed(depot, snapshots, number, shown == number) for number in snapshots.numbers())


def _listed(depot: Depot, snapshots: Snapshots, number: int, shown: bool) -> Listed:
    depot.progress.step(f"reading snapshot {number}")
    try:
        one = load_snapshot(snapshots, number, depot.site_verifier())
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


def find_snapshot(depot: Depot, number: int) -> Snapshot:
    """Return a snapshot of the store, its signature checked.

    Raises:
        ConfigError: there is none of that number.
        TrustError: its signature does not hold.
    """
    snapshots = Snapshots(depot.store.root)
    numbers = snapshots.numbers()
    if number not in numbers:
        there = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
        raise ConfigError(f"snapshot {number} is not in the store", hint=f"there: {there}; see `cudepot snapshots`")
    depot.progress.step(f"reading snapshot {number}")
    return load_snapshot(snapshots, number, depot.site_verifier())


def lock_of(depot: Depot, snapshot: Snapshot) -> Lock:
    """Return the lock a snapshot was made from.

    Raises:
        StorageError: the store has lost it.
        TrustError: it is damaged.
        ConfigError: it is malformed, or of another format.
    """
    what = f"snapshot {snapshot.number}: its cudepot.lock"
    try:
        with depot.store.open(snapshot.lock) as handle:
            data = VerifyingReader(handle, snapshot.lock, what).readall()
    except MismatchError as error:
        raise TrustError(
            str(error), hint="`cudepot verify --repair` removes it; a bundle or a backup brings it"
        ) from error
    try:
        return parse_lock(tomli.loads(data.decode()))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what} is not TOML: {error}", hint="whoever signed this snapshot made it so") from error


def diff_snapshots(depot: Depot, first: int, second: int) -> tuple[Change, ...]:
    """Return the packages that differ between two snapshots of the store, and why."""
    before, after = find_snapshot(depot, first), find_snapshot(depot, second)
    depot.progress.step(f"comparing snapshots {first} and {second}")
    built = {one.digest.sha256: job for _, job, made in records(depot.store) for one in made}
    why = reasons(_lock_or_none(depot, before), _lock_or_none(depot, after), built)
    return tuple(diff_trees(before.tree, after.tree, why))


def _lock_or_none(depot: Depot, snapshot: Snapshot) -> Lock:
    """Return the lock of a snapshot; an empty one where the store lost it: what changed is told all the same."""
    try:
        return lock_of(depot, snapshot)
    except StorageError:
        return Lock()
