"""``cudepot gc``: remove objects that nothing names, and say how much space that frees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_parts import beside
from cudepot.catalog.site.bundle import Manifest, parse_manifest
from cudepot.catalog.site.object_lists import ObjectList, digest_of
from cudepot.catalog.site.retention import Reasons
from cudepot.catalog.site.retention import kept as kept_for
from cudepot.catalog.site.snapshot import parse_head
from cudepot.depot.builds import all_jobs, forget_record, job_key, records
from cudepot.depot.depot import Depot, Workshop
from cudepot.depot.locked import load_lock
from cudepot.depot.object_lists import keep_lists, lists_for
from cudepot.depot.pointers import held_by_name
from cudepot.depot.published_names import record_names
from cudepot.depot.snapshots import lock_of
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.kinds.mirror_files import read_whole, wholes
from cudepot.kinds.signed_roots import proofs
from cudepot.store.layout import (
    BUILDS,
    FOLLOWED,
    IMPORTED,
    INCOMING,
    LAYOUT,
    METADATA,
    SITE,
    SNAPSHOTS,
    UPSTREAMS,
    Entry,
)
from cudepot.store.local import LocalStore
from cudepot.store.metadata_memory import remembered_metadata
from cudepot.store.upstream_memory import remembered_objects
from cudepot.workflows.bundle.export import exported_numbers

MOST = 0.4
"""Share of all objects, or of all bytes, that may go without ``--force``: more is likely to be a mistake."""


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was removed, or would be.

    Attributes:
        kept, removed: numbers of snapshots.
        why: number of each kept one → why.
        objects, bytes: removed objects.
        of_objects, of_bytes: all there were.
        records: removed build records.
        waiting: objects that nothing names, and that go after the grace period of a store in a bucket.
    """

    kept: tuple[int, ...]
    removed: tuple[int, ...]
    objects: int
    bytes: int
    of_objects: int
    of_bytes: int
    records: int
    why: Reasons = field(default_factory=dict)
    waiting: int = 0


def gc(depot: Depot, *, keep: int, dry_run: bool = False, force: bool = False) -> GcResult:
    """Keep the newest ``keep`` snapshots and those that something holds on to; remove what nothing kept names.

    Named are: what a kept snapshot holds, its lock and what proves it; the same of the present cudepot.lock; the
    packages of the builds it asks for; what bundles on their way in consist of.

    Raises:
        ConfigError: more than :data:`MOST` of the store would go and ``force`` is not set.
        CudepotError: a kept snapshot cannot be read: nothing is removed then.
    """
    snapshots = depot.store.snapshots
    why = _reasons(depot, keep)
    kept = list(why)
    depot.progress.step(f"collecting what {len(kept)} snapshots, cudepot.lock and bundles use")
    lists = lists_for(depot.store, depot.config.site, depot.history, kept)
    needed = {digest.sha256: digest.size for digest in named(depot, lists)}
    depot.progress.step(f"listing the objects of the store: {len(needed):,} are needed")
    found = depot.store.stock(needed)
    gone = {sha256: size for sha256, size in found.items() if sha256 not in needed}
    stale = [key for key, _, built in records(depot.store) if not all(one.digest.sha256 in needed for one in built)]
    removed = tuple(sorted(set(snapshots.numbers()) - set(kept)))
    totals = (len(gone), sum(gone.values()), len(found), sum(found.values()))
    if not force:
        noted = set(depot.store.waiting())
        _guard(*_amount(gone, noted), *_amount(found, noted))
    if not dry_run:
        depot.progress.step(f"removing {len(gone):,} objects and {len(removed)} snapshots")
        record_names(depot.store, depot.history)  # outlives the snapshots it is made of
        for number in removed:
            snapshots.remove(number, link=number > kept[0])
        for number in snapshots.documents():
            if number < kept[0]:
                snapshots.remove(number, link=False)
        keep_lists(depot.store, lists)
        for key in stale:
            forget_record(depot.store, key)
    went = depot.store.due(gone) if dry_run else depot.store.collect(gone)
    totals = (len(went), sum(gone[one] for one in went), *totals[2:])
    return GcResult(tuple(kept), removed, *totals, len(stale), why, len(gone) - len(went))


def _amount(sizes: Mapping[str, int], noted: Set[str]) -> tuple[int, int]:
    """Return how many objects and bytes, without those whose removal an earlier `gc` was allowed already."""
    fresh = [size for one, size in sizes.items() if one not in noted] if noted else sizes.values()
    return len(fresh), sum(fresh)


def _guard(objects: int, size: int, all_objects: int, all_bytes: int) -> None:
    if objects > MOST * all_objects or size > MOST * all_bytes:
        raise ConfigError(
            f"{objects} of {all_objects} objects ({size} of {all_bytes} bytes) would be removed: that may be a mistake",
            hint="check with `cudepot gc --dry-run --force`; if this is intended, use --force, or keep more with "
            "--keep",
        )


def _reasons(depot: Depot, newest: int) -> dict[int, tuple[str, ...]]:
    """Return number → why of the snapshots to keep, in order."""
    snapshots, keep = depot.store.snapshots, depot.config.keep
    made = dict.fromkeys(snapshots.numbers(), "")
    if any(keep):
        made = {one: parse_head(snapshots.head(one), f"snapshot {one}").created for one in made}
    bases = [(one, "bundles start from it") for one in exported_numbers(depot.store)[-1:]]
    return kept_for(made, newest, keep, [*held_by_name(depot.config, depot.store, depot.site()), *bases])


def named(depot: Depot, lists: Sequence[ObjectList]) -> Iterator[Digest]:
    """Give all objects that are named by what the store keeps, and by cudepot.lock, each at least once.

    ``lists``: of the snapshots that are kept; see :func:`~cudepot.depot.object_lists.lists_for`.
    """
    what = _Reached(lists, set())
    for entry in LAYOUT:
        if entry.keeps:
            yield from NAMED[entry](depot, what)
    if depot.lock_path.exists():
        yield from _named_by_lock(depot.store, load_lock(depot.lock_path), what.seen)


class _Reached(NamedTuple):
    """Lists of the snapshots that are kept, and the sha256 of the objects of their trees that were given already."""

    lists: Sequence[ObjectList]
    seen: set[str]


def _shown(depot: Depot, kept: _Reached) -> Iterator[Digest]:
    """Give what kept snapshots and their locks name; what a tree has in common with the one before comes once."""
    locks: set[Digest] = set()
    snapshots = depot.store.snapshots
    for one in kept.lists:
        fresh = [digest_of(name) for name in one.came]
        kept.seen.update(digest.sha256 for digest in fresh)
        yield from fresh
        head = parse_head(snapshots.head(one.snapshot), f"snapshot {one.snapshot}")
        yield head.lock
        if head.lock not in locks and depot.store.has(head.lock):
            yield from _named_by_lock(depot.store, lock_of(depot.store, head), kept.seen)
        locks.add(head.lock)


def _named_by_lock(store: LocalStore, lock: Lock, seen: Set[str]) -> Iterator[Digest]:
    """Give what a lock names; a site shows all of a whole mirror or nothing, so one of which all files are ``seen``
    has had its packages given with them: its index need not be read.
    """
    yield from (one.digest for one in lock.artifacts)
    yield from (digest for _, _, digest in beside(lock))
    yield from (file.digest for one in lock.upstreams for file in one.files)
    yield from (root.digest for one in lock.upstreams for root in one.roots)
    yield from (digest for proof in proofs(store, lock) for digest in proof.objects)
    for one in wholes(lock):
        if not {file.digest.sha256 for file in one.files} <= seen:
            yield from read_whole(store, one).tree.values()


def _built(workshop: Workshop, store: LocalStore, lock_path: Path) -> Iterator[Digest]:
    """Give the packages of the builds that cudepot.lock asks for."""
    if lock_path.exists():
        lock = load_lock(lock_path)
        keys = {job_key(workshop, lock, job) for job in all_jobs(workshop, lock)}
        yield from (one.digest for key, _, built in records(store) if key in keys for one in built)


def _on_the_way(store: LocalStore) -> Iterator[Digest]:
    """Give what bundles on their way in consist of."""
    for manifest in _manifests(store, INCOMING):
        yield from (one for root in manifest.roots for one in root.objects)
        yield from (manifest.document, manifest.signature)
        yield from (one for volume in manifest.volumes for one in volume)
        yield from (one for one, _ in manifest.pieces)


def _proving(store: LocalStore, folder: Entry, kept: _Reached) -> Iterator[Digest]:
    """Give what proves the kept snapshots, as their manifests name it."""
    numbers = {one.snapshot for one in kept.lists}
    for manifest in _manifests(store, folder):
        if manifest.number in numbers:
            yield from (one for root in manifest.roots for one in root.objects)


def _manifests(store: LocalStore, folder: Entry) -> Iterator[Manifest]:
    manifests = store.manifests(folder)
    return (parse_manifest(manifests.read(name)[0], name) for name in manifests.names())


NAMED: Mapping[Entry, Callable[[Depot, _Reached], Iterator[Digest]]] = {
    SNAPSHOTS: _shown,
    BUILDS: lambda depot, _: _built(depot.workshop, depot.store, depot.lock_path),
    UPSTREAMS: lambda depot, _: remembered_objects(depot.store.root),
    METADATA: lambda depot, _: remembered_metadata(depot.store.root),
    INCOMING: lambda depot, _: _on_the_way(depot.store),
    IMPORTED: lambda depot, kept: _proving(depot.store, IMPORTED, kept),
    FOLLOWED: lambda depot, kept: _proving(depot.store, FOLLOWED, kept),
    SITE: lambda depot, _: iter(depot.site().needs().objects),
}
