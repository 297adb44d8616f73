"""``cudepot sync``: bring every locked artifact into the store."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cudepot.catalog.config.config import Config
from cudepot.catalog.faults import fault_of
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.lock_parts import beside, split
from cudepot.catalog.mirror import Whole
from cudepot.depot.depot import Clock, Depot
from cudepot.depot.fault_memory import note_faults
from cudepot.depot.fetch import Unknown, grouped, learn_each, summary
from cudepot.depot.fetch_locked import Failed, Missing, fetch_locked
from cudepot.depot.isolated import Trouble
from cudepot.depot.locked import answering, current_lock, unanswered
from cudepot.depot.room import Need, Room, check_rooms, rooms, still_to_come
from cudepot.depot.rounds import rounds, with_evidence
from cudepot.depot.sync_memory import complete_sync, remember_sync
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError
from cudepot.kinds.mirror_files import main_indexes, read_whole, wholes
from cudepot.kinds.registry import checking, kind_of, solving
from cudepot.kinds.unsigned import unsigned
from cudepot.store.local import LocalStore
from cudepot.store.present import absent

_UNKNOWN = "an index gives only sha512, so packages are not known before they are fetched"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What syncing did: files and bytes locked, how many of them had to be fetched, what is odd or unsigned.

    Attributes:
        room: of a dry run, what the store's disk would have to take.
    """

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int
    notes: tuple[str, ...] = ()
    room: tuple[Room, ...] = ()


def sync(depot: Depot, lock: Lock | None = None, *, dry_run: bool = False, wait: float = 0.0) -> SyncResult:
    """Fetch what is missing, ``wait`` seconds long where a fault may pass; in a dry run only say what that is.

    ``lock`` is the one made in the same run, which a dry run has not written; otherwise it is read.

    Raises:
        CudepotError: something could not be had as promised; everything else is there.
    """
    lock = (
        answering(depot.config, depot.store, lock, depot.base)
        if lock
        else current_lock(depot.config, depot.store, depot.lock_path)
    )
    known = None if dry_run else complete_sync(depot.store, lock)
    if known is None:
        return _synced(depot, lock, dry_run=dry_run, wait=wait)
    failed = fetch_locked(
        depot, [one.name for one in lock.upstreams], (), wait=wait, unsound=lambda: _unsound(depot, lock, ())
    )
    _raise(failed, 0)
    return SyncResult(known.files, known.bytes, 0, 0, (*_notes(depot.config, depot.store, lock), *known.notes))


def _notes(config: Config, store: LocalStore, lock: Lock) -> tuple[str, ...]:
    return (*unanswered(config, store, lock), *unsigned(config, lock))


def _synced(depot: Depot, lock: Lock, *, dry_run: bool, wait: float) -> SyncResult:
    """Read what whole mirrors consist of, fetch what is missing of everything, and remember that it is here.

    An upstream whose index cannot be had or read is left out; the others are fetched all the same.
    """
    found, failed = _read_wholes(depot, lock, dry_run=dry_run, wait=wait)
    broken = {one.upstream for one in failed}
    every = grouped(
        (one for one in _named(depot.store, lock, found) if one.upstream not in broken), lambda one: one.digest
    )
    depot.progress.step(f"looking for {len(every):,} files in the store")
    lacking = absent(depot.store, depot.progress, every)
    missing = {digest: places for digest, places in every.items() if digest in lacking}
    notes = tuple(note for one in found.values() for note in one.notes)
    room = _room(depot, missing)
    if not dry_run:
        if depot.workers is None:
            check_rooms(room)
        names = [one.name for one in lock.upstreams if one.name not in broken]
        wanted = list(itertools.chain(*missing.values()))
        failed += fetch_locked(depot, names, wanted, wait=wait, unsound=lambda: _unsound(depot, lock, missing))
        _raise(failed, len(missing))
        _remake(depot, lock)
        notes += tuple(_doubts(depot.store, lock, found, missing))
        if found and not any(one.learnt for one in found.values()):
            remember_sync(depot.store, lock, found, {*every, *(one.digest for one in lock.artifacts)}, notes)
    _raise(failed, len(missing))
    notes = (*_notes(depot.config, depot.store, lock), *notes)
    return SyncResult(len(every), _size(every), len(missing), _size(missing), notes, room if dry_run else ())


def _room(depot: Depot, missing: Iterable[Digest]) -> tuple[Room, ...]:
    """Return what the store's disk has to take."""
    return rooms([Need(depot.base / depot.config.store, still_to_come(depot.store, missing))])


def _doubts(store: LocalStore, lock: Lock, found: Mapping[str, Whole], fetched: Container[Digest]) -> Iterator[str]:
    """Give a line for each package that clients would refuse although it is what its hash says."""
    for one in (_locked(lock, name) for name in found if fetched):
        yield from kind_of(one).checks.doubts(store, one, fetched)


def _raise(failed: Sequence[Failed], missing: int) -> None:
    """Raise the one error that tells of all failures, if there are any."""
    if failed:
        paths = [one.path for one in failed]
        raise summary([one.error for one in failed], max(missing, len(failed)), paths)


def _read_wholes(depot: Depot, lock: Lock, *, dry_run: bool, wait: float) -> tuple[dict[str, Whole], list[Failed]]:
    """Return what each whole mirror consists of, and what stands in the way of the others."""
    failed = _restore_indexes(depot, lock, dry_run=dry_run, wait=wait)
    found: dict[str, Whole] = {}
    troubles: list[Trouble] = []
    broken = {one.upstream for one in failed}
    for one in wholes(lock):
        if one.name not in broken:
            depot.progress.step(f"reading the indexes of {one.name}")
            with depot.isolation.each(one.name, troubles.append):
                found[one.name] = read_whole(depot.store, one)
    if unknown := {name: whole for name, whole in found.items() if whole.unknown}:
        if dry_run:
            raise ConfigError(_UNKNOWN, hint="run sync without --dry-run to fetch them")
        failed += _learn(depot, unknown, wait=wait)
        for name in unknown:
            with depot.isolation.each(name, troubles.append):
                found[name] = read_whole(depot.store, _locked(lock, name))
    return found, failed + [
        one for trouble in troubles for one in _noted(depot.config, depot.store, depot.clock, trouble, dry_run=dry_run)
    ]


def _remake(depot: Depot, lock: Lock) -> None:
    """Build again what was built when it was locked, in another store."""
    lost = [one for one in lock.artifacts if one.built and not depot.store.has(one.digest)]
    for solves in solving().values() if lost else ():
        solves.remake(depot, lock, lost)


def _locked(lock: Lock, name: str) -> LockedUpstream:
    return next(one for one in lock.upstreams if one.name == name)


def _noted(config: Config, store: LocalStore, clock: Clock, trouble: Trouble, *, dry_run: bool) -> list[Failed]:
    """Remember why an upstream cannot be synced; a dry run remembers nothing."""
    fault = fault_of(trouble.error, config.upstream(trouble.name).url)
    if dry_run:
        return [Failed(trouble.name, trouble.name, trouble.error.retold(f"{trouble.name}: {trouble.error}"))]
    stands = note_faults(store, clock, trouble.name, "sync", [fault])
    return [Failed(trouble.name, trouble.name, with_evidence(trouble.error, one)) for one in stands]


def _named(store: LocalStore, lock: Lock, found: Mapping[str, Whole]) -> Iterator[Missing]:
    """Give every file that is locked, each place of it; for what was built here and is lost, what it was made of."""
    for one in lock.artifacts:
        lost = one.built and not store.has(one.digest)
        yield Missing(one.upstream, one.path, one.built.digest if one.built and lost else one.digest)
    for name, whole in found.items():
        yield from (Missing(name, path, digest) for path, digest in whole.tree.items())
    yield from (Missing(*one) for one in beside(lock))


def _restore_indexes(depot: Depot, lock: Lock, *, dry_run: bool, wait: float) -> list[Failed]:
    """Fetch the indexes of whole mirrors where the store is another than the one that locked them."""
    indexes = [Missing(one.name, index.path, index.digest) for one in wholes(lock) for index in main_indexes(one)]
    lacking = absent(depot.store, depot.progress, [one.digest for one in indexes])
    missing = [one for one in indexes if one.digest in lacking]
    if missing and dry_run:
        raise ConfigError(
            "the index of a whole mirror is not in this store", hint="run sync without --dry-run to fetch it"
        )
    return fetch_locked(depot, {one.upstream: None for one in missing}, missing, wait=wait) if missing else []


def _unsound(depot: Depot, lock: Lock, fetched: Collection[Digest]) -> Iterator[tuple[Missing, CudepotError]]:
    """Give what is here as promised and still cannot be trusted.

    What was here before can have become so where its own signature counts: other keys may be pinned now.
    """
    signed = {one.name for one in lock.upstreams if depot.config.upstream(one.name).package_keys}
    for name, mine in split(lock).items() if fetched or signed else ():
        if fetched or name in signed:
            depot.progress.step(f"checking the packages of {name}")
            found: list[Trouble] = []
            with depot.isolation.each(name, found.append):
                yield from [one for checks in checking(mine) for one in checks.unsound(depot, mine, fetched)]
            yield from ((Missing(one.name, one.name, Digest.of(b"")), one.error) for one in found)


def _learn(depot: Depot, found: Mapping[str, Whole], *, wait: float) -> list[Failed]:
    """Fetch packages that an index knows by sha512 only, and remember their sha256; return those that failed."""
    waiting = [Unknown(name, path, one) for name, whole in found.items() for path, one in whole.unknown.items()]
    sizes = {one.promise: one.promise.size for one in waiting}
    check_rooms(rooms([Need(depot.base / depot.config.store, sum(sizes.values()))]))
    failed: list[tuple[Unknown, CudepotError]] = []
    for attempt in rounds(depot, wait):
        sources = {name: attempt.source(depot.config.upstream(name)) for name in {one.upstream for one in waiting}}
        failed = learn_each(waiting, sources, depot.store, depot.progress)
        waiting = [one for one, _ in failed]
        if not waiting:
            break
    return [Failed(one.upstream, one.path, depot.isolation.alone(one.upstream, error)) for one, error in failed]


def _size(digests: Iterable[Digest]) -> int:
    return sum(one.size for one in digests)
