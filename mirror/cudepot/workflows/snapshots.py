"""``cudepot snapshots`` and ``cudepot diff``: what the store's snapshots hold, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.diff import Change, count_packages, diff_trees, reasons
from cudepot.catalog.site.object_lists import digest_of, size_of
from cudepot.catalog.site.snapshot import Head, Snapshot, Tree, parse_head
from cudepot.catalog.solution.diff import Move, moves
from cudepot.depot.builds import records
from cudepot.depot.history import History
from cudepot.depot.object_lists import holding, recall_lists
from cudepot.depot.pointers import held_by_name, shown_by
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
        shown: whether the site shows it, in one of its channels where it has any.
        fault: why it cannot be trusted; the other values are empty then.
        names: channels that show it, and its tags: what holds on to it.
        channel: the one it was made for alone; empty for what was published.
    """

    number: int
    created: str
    signer: str
    packages: dict[str, int]
    files: int
    bytes: int
    missing: int
    rollback: int
    fault: str = ""
    names: tuple[str, ...] = ()
    channel: str = ""
    shown: bool = False

    @classmethod
    def of(cls, head: Head | Snapshot, packages: Mapping[str, int], files: int, size: int, missing: int) -> Listed:
        """Return what a snapshot says of itself, with what its tree comes to."""
        return cls(
            head.number, head.created, head.signer, dict(packages), files, size, missing, head.rollback,
            channel=head.channel,
        )  # fmt: skip


def list_snapshots(
    config: Config, store: LocalStore, history: History, site: Site, progress: Progress
) -> tuple[Listed, ...]:
    """Return all snapshots of the store, the oldest first, their signatures checked."""
    shown, held = set(shown_by(config, site).values()), tuple(held_by_name(config, store, site))
    known = _known(config, store)
    found = []
    for number in history.numbers():
        one = known.get(number) or _listed(store, history, progress, number)
        names = tuple(why for each, why in held if each == number)
        found.append(replace(one, shown=number in shown, names=names))
    return tuple(found)


def _known(config: Config, store: LocalStore) -> dict[int, Listed]:
    """Return what is known of snapshots that need not be read again; each object is looked for once."""
    lists, found = recall_lists(store), dict[int, Listed]()
    there = holding(store, config.site, lists)
    lacking, size = set[str](), 0
    for one in lists:
        size += sum(map(size_of, one.came)) - sum(map(size_of, one.went))
        lacking.difference_update(one.went)
        lacking.update(name for name in one.came if not store.has(digest_of(name)))
        if one.snapshot in there and one.files:
            head = parse_head(store.snapshots.head(one.snapshot), f"snapshot {one.snapshot}")
            found[one.snapshot] = Listed.of(head, one.packages, one.files, size, len(lacking))
    return found


def _listed(store: LocalStore, history: History, progress: Progress, number: int) -> Listed:
    progress.step(f"reading snapshot {number}")
    try:
        one = history.load(number)
    except CudepotError as error:
        return Listed(number, "", "", {}, 0, 0, 0, 0, str(error))
    held = set(one.tree.values())
    size, missing = sum(digest.size for digest in held), sum(not store.has(digest) for digest in held)
    return Listed.of(one, count_packages(one.tree), len(one.tree), size, missing)


class Differences(NamedTuple):
    """How two states of a site differ: packages, and what environments were resolved to."""

    packages: tuple[Change, ...]
    environments: tuple[Move, ...]


def diff_snapshots(
    store: LocalStore, history: History, progress: Progress, first: int, second: int
) -> tuple[Change, ...]:
    """Return the packages that differ between two snapshots of the store, and why."""
    return _diff(store, progress, _snapshot(store, history, first), _snapshot(store, history, second)).packages


def diff_states(
    store: LocalStore, history: History, progress: Progress, first: int | Lock, second: int | Lock
) -> Differences:
    """Return how two states differ, and why.

    Args:
        store, history, progress: of the depot.
        first, second: numbers of snapshots, or a lock as if it were published: without what is built here.

    Raises:
        ConfigError: there is no such snapshot.
    """
    states = [
        ("the lock", _locked_tree(one), one) if isinstance(one, Lock) else _snapshot(store, history, one)
        for one in (first, second)
    ]
    if isinstance(first, Lock) or isinstance(second, Lock):  # what a lock alone does not tell is not compared
        states = [(name, _locked_tree(lock), lock) for name, _, lock in states]
    return _diff(store, progress, *states)


_State = tuple[str, Tree, Lock]
"""What it is called, path → content, and the lock it is made of."""


def _diff(store: LocalStore, progress: Progress, before: _State, after: _State) -> Differences:
    progress.step(f"comparing {before[0]} and {after[0]}")
    built = {one.digest.sha256: job for _, job, made in records(store) for one in made}
    changes = diff_trees(before[1], after[1], reasons(before[2], after[2], built))
    return Differences(tuple(changes), moves(before[2], after[2]))


def _snapshot(store: LocalStore, history: History, number: int) -> _State:
    found = history.find(number)
    return f"snapshot {number}", found.tree, _lock_or_none(store, found)


def _locked_tree(lock: Lock) -> Tree:
    """Return where a site would have the artifacts of a lock that are published as they are."""
    return {one.site_path: one.digest for one in lock.artifacts if one.is_mirrored}


def _lock_or_none(store: LocalStore, snapshot: Snapshot) -> Lock:
    """Return the lock of a snapshot; an empty one where the store lost it: what changed is told all the same."""
    try:
        return lock_of(store, snapshot)
    except StorageError:
        return Lock()
