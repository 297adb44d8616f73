"""``cudepot sync``: bring every locked artifact into the store."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cudepot.catalog.lock import Lock
from cudepot.catalog.whole import Whole, main_indexes
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError
from cudepot.workflows.bring import Missing, bring
from cudepot.workflows.complete import complete, remember
from cudepot.workflows.depot import Depot
from cudepot.workflows.fetch import Unknown, grouped, learn_each, summary
from cudepot.workflows.lock import answering, current_lock
from cudepot.workflows.present import absent
from cudepot.workflows.rounds import rounds
from cudepot.workflows.unsigned import unsigned
from cudepot.workflows.whole import read_whole, wholes

_UNKNOWN = "an index knows packages by sha512 only, and what they are is not known before they are fetched"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What syncing did: files and bytes locked, how many of them had to be fetched, what is odd or unsigned."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int
    notes: tuple[str, ...] = ()


def sync(depot: Depot, lock: Lock | None = None, *, dry_run: bool = False, wait: float = 0.0) -> SyncResult:
    """Fetch what is missing, ``wait`` seconds long where a fault may pass; in a dry run only say what that is.

    ``lock`` is the one made in the same run, which a dry run has not written; otherwise it is read.

    Raises:
        CudepotError: something could not be had as promised; everything else is there.
    """
    lock = answering(depot, lock) if lock else current_lock(depot)
    known = None if dry_run else complete(depot, lock)
    if known is None:
        return _synced(depot, lock, dry_run=dry_run, wait=wait)
    bring(depot, [one.name for one in lock.upstreams], (), wait=wait, unsound=lambda: _unsound(depot, lock))
    return SyncResult(known.files, known.bytes, 0, 0, (*unsigned(depot, lock), *known.notes))


def _synced(depot: Depot, lock: Lock, *, dry_run: bool, wait: float) -> SyncResult:
    """Read what whole mirrors consist of, fetch what is missing of everything, and remember that it is here."""
    names = [one.name for one in lock.upstreams]
    _restore_indexes(depot, lock, names, dry_run=dry_run, wait=wait)
    found = {one.name: read_whole(depot, one) for one in wholes(lock)}
    if any(one.unknown for one in found.values()):
        if dry_run:
            raise ConfigError(_UNKNOWN, hint="sync without --dry-run fetches them")
        _learn(depot, found, wait=wait)
        found = {one.name: read_whole(depot, one) for one in wholes(lock)}
    every = grouped(_named(lock, found), lambda one: one.digest)
    lacking = absent(depot, every)
    missing = {digest: places for digest, places in every.items() if digest in lacking}
    notes = tuple(note for one in found.values() for note in one.notes)
    if not dry_run:
        bring(depot, names, list(itertools.chain(*missing.values())), wait=wait, unsound=lambda: _unsound(depot, lock))
        if found and not any(one.learnt for one in found.values()):
            remember(depot, lock, every, notes)
    return SyncResult(len(every), _size(every), len(missing), _size(missing), (*unsigned(depot, lock), *notes))


def _named(lock: Lock, found: Mapping[str, Whole]) -> Iterator[Missing]:
    """Give every file that is locked, each place of it."""
    yield from (Missing(one.upstream, one.path, one.digest) for one in lock.artifacts)
    for name, whole in found.items():
        yield from (Missing(name, path, digest) for path, digest in whole.tree.items())
    for one in lock.upstreams:
        yield from (Missing(one.name, file.path, file.digest) for file in one.metadata)


def _restore_indexes(depot: Depot, lock: Lock, names: list[str], *, dry_run: bool, wait: float) -> None:
    """Fetch the indexes of whole mirrors where the store is another than the one that locked them."""
    indexes = [Missing(one.name, index.path, index.digest) for one in wholes(lock) for index in main_indexes(one)]
    lacking = absent(depot, [one.digest for one in indexes])
    missing = [one for one in indexes if one.digest in lacking]
    if missing and dry_run:
        raise ConfigError("the index of a whole mirror is not in this store", hint="sync without --dry-run fetches it")
    if missing:
        bring(depot, names, missing, wait=wait)


def _unsound(depot: Depot, lock: Lock) -> Iterable[tuple[Missing, CudepotError]]:
    """Give the rpms whose signatures do not hold; other packages have none that anybody checks."""
    if not any(one.is_yum for one in lock.upstreams):
        return ()
    from cudepot.workflows.rpm_signatures import check_rpms  # noqa: PLC0415 - where there are rpms

    return check_rpms(depot, lock)


def _learn(depot: Depot, found: Mapping[str, Whole], *, wait: float) -> None:
    """Fetch packages that an index knows by sha512 only, and remember their sha256."""
    waiting = [Unknown(name, path, one) for name, whole in found.items() for path, one in whole.unknown.items()]
    failed: list[tuple[Unknown, CudepotError]] = []
    for now in rounds(depot, wait):
        sources = {name: now.source(depot.config.upstream(name)) for name in {one.upstream for one in waiting}}
        failed = learn_each(waiting, sources, depot.store, depot.progress)
        waiting = [one for one, _ in failed]
        if not waiting:
            return
    raise summary([error for _, error in failed], len(failed), [one.path for one in waiting])


def _size(digests: Iterable[Digest]) -> int:
    return sum(one.size for one in digests)
