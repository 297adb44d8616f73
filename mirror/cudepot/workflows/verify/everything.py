"""``cudepot verify``: hash everything again, check every signature, and compare indexes with what they describe."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.site.snapshot import Snapshot, Tree, parse_snapshot
from cudepot.depot.clock import clock_faults
from cudepot.depot.depot import Depot, Keyring
from cudepot.depot.isolated import Isolation
from cudepot.depot.pointers import channel_faults
from cudepot.depot.promotions import promotion_faults
from cudepot.depot.published_names import name_faults
from cudepot.depot.workers import Workers
from cudepot.digest import Digest
from cudepot.errors import CudepotError, MissingError
from cudepot.kinds.peers import compared
from cudepot.kinds.site_roots import own_roots
from cudepot.kinds.unsigned import unsigned_shown
from cudepot.ports import Inspectable, Progress
from cudepot.store.holdings import Held
from cudepot.store.local import LocalStore
from cudepot.workflows.edge.on_site import on_site
from cudepot.workflows.nvidia.faults import nvidia_faults
from cudepot.workflows.verify.mirrors import mirror_faults
from cudepot.workflows.verify.origin import origin_faults
from cudepot.workflows.verify.store import record_faults, snapshot_faults

if TYPE_CHECKING:
    from cudepot.kinds.compared import Compared

WORKERS = 4


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was checked, and what does not hold (a line each); ``damaged`` are paths of objects with other bytes.

    ``unsigned`` has a line for each upstream of the site that nobody signed, ``compared`` how what was built differs
    from packages of upstreams that it can take the place of.
    """

    objects: int
    bytes: int
    snapshots: int
    site_files: int
    faults: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()
    compared: tuple[Compared, ...] = ()


def verify(depot: Depot) -> VerifyResult:
    """Check store, snapshots and the site that is shown; repairs nothing."""
    held = depot.store.holdings()
    bad = _hash_all(depot.store, depot.progress, held, depot.workers)
    depot.progress.step("checking the snapshots and records of the store")
    faults = [
        *_with_names(depot.store, bad),
        *snapshot_faults(depot.config, depot.store, depot.history, depot.progress),
        *(one.text for one in record_faults(depot.store, depot.site_verifier)),
        *(text for _, text in depot.store.roots_log.faults()),
    ]
    depot.progress.step("comparing names with everything ever published")
    faults += (text for _, text in name_faults(depot.store, depot.history))
    faults[:0] = clock_faults(depot.store, depot.clock)
    snapshots, site = depot.store.snapshots, depot.inspectable()
    faults += promotion_faults(depot.store.promotions, depot.site_verifier)
    faults += channel_faults(depot.config, depot.store, site)
    for channel in depot.config.site.channels[1:]:
        faults += _channel_site_faults(depot, site.channel(channel))
    numbers, shown, files = snapshots.numbers(), site.current(), 0
    marked: tuple[str, ...] = ()
    peers: tuple[Compared, ...] = ()
    if shown is not None and shown in numbers:
        try:
            snapshot = depot.history.load(shown)
        except CudepotError:
            snapshot = None  # reported above
        if snapshot is not None:
            files = len(snapshot.tree)
            marked = unsigned_shown(depot.config, snapshot)
            faults += _site_faults(depot, site, snapshot)
            depot.progress.step(f"following the indexes of snapshot {shown}")
            faults += _index_faults(depot.config, depot.store, depot.keyring, depot.isolation, snapshot)
            faults += origin_faults(depot, snapshot)
            with contextlib.suppress(CudepotError):  # reported above
                peers = compared(depot.config, depot.store, snapshot.tree)
    elif numbers:
        faults.append(f"{site.where}: does not show a snapshot of this store; run `cudepot publish`")
    sizes = {one.name: one.size for one in held}  # one that is in a bucket and here as well is one object
    places = tuple(one.place for one in bad)
    return VerifyResult(len(sizes), sum(sizes.values()), len(numbers), files, tuple(faults), places, marked, peers)


def _channel_site_faults(depot: Depot, site: Inspectable) -> Iterator[str]:
    """Check what a channel beside the first shows; a snapshot that does not hold is reported elsewhere."""
    shown = site.current()
    with contextlib.suppress(CudepotError):
        if shown in depot.store.snapshots.numbers():
            snapshot = depot.history.load(shown)
            yield from _site_faults(depot, site, snapshot)
            yield from _index_faults(depot.config, depot.store, depot.keyring, depot.isolation, snapshot)


def _with_names(store: LocalStore, bad: Mapping[Held, str]) -> Iterator[str]:
    """Give the faults of objects, each with a path under which a snapshot shows it: a hash tells nobody anything."""
    names: dict[str, str] = {}
    snapshots = store.snapshots
    for number in snapshots.numbers() if bad else ():
        with contextlib.suppress(CudepotError):
            tree = parse_snapshot(snapshots.read(number)[0], f"snapshot {number}").tree
            names |= {one.sha256: f"{path} of snapshot {number}" for path, one in tree.items()}
    for one, text in bad.items():
        yield f"{text} ({names[one.name]})" if one.name in names else text


def _hash_all(
    store: LocalStore, progress: Progress, held: Sequence[Held], workers: Workers | None = None
) -> dict[Held, str]:
    """Hash every object, several at once, those elsewhere by workers; return what is wrong with the damaged ones."""
    away = {one.name: one for one in held if workers is not None and not one.is_here}

    def look(one: Held) -> str:
        fault = store.fault(one)
        progress.advance(one.size, 1)
        return fault

    progress.begin(f"hashing {len(held)} objects", sum(one.size for one in held), len(held))
    found: dict[Held, str] = {}
    for digest, told in workers.hashed([Digest(one.name, one.size) for one in away.values()]) if workers else ():
        one = away[digest.sha256]
        found[one] = f"object {one.place}: {told}" if isinstance(told, CudepotError) else store.judged(one, told)
        progress.advance(one.size, 1)
    here = [one for one in held if one.name not in away or one.is_here]
    with ThreadPoolExecutor(WORKERS) as pool:
        found |= zip(here, pool.map(look, here), strict=True)
    progress.end()
    return {one: fault for one, fault in found.items() if fault}


def _site_faults(depot: Depot, site: Inspectable, snapshot: Snapshot) -> Iterator[str]:
    store, progress, shown = depot.store, depot.progress, snapshot.number
    snapshot, extra = on_site(store, depot.config.site, snapshot)
    progress.step(f"looking at {len(snapshot.tree):,} files of {site.where}")
    yield from _copy_faults(progress, site, snapshot)
    progress.step(f"listing the files of {site.where}")
    for name, data in extra.items():
        if _file_fault(site, shown, name, Digest.of(data)):
            yield f"{site.where}: {name}: differs from the store's"
    for path in site.files(shown):
        if path not in snapshot.tree and path not in extra:
            yield f"{site.where}: {path}: not part of the snapshot"


def _copy_faults(progress: Progress, site: Inspectable, snapshot: Snapshot) -> Iterator[str]:
    """Read the files of the site that are not the very objects of the store."""
    shown = snapshot.number
    copies = unlinked(site, snapshot)
    if not copies:
        return

    def look(one: tuple[str, Digest]) -> str:
        fault = _file_fault(site, shown, *one)
        progress.advance(one[1].size, 1)
        return f"{site.where}: {one[0]}: {fault}" if fault else ""

    total = sum(one.size for one in copies.values())
    progress.begin(f"reading {len(copies)} files of the site", total, len(copies))
    try:
        with ThreadPoolExecutor(site.readers) as pool:
            yield from filter(None, pool.map(look, copies.items()))
    finally:
        progress.end()


def unlinked(site: Inspectable, snapshot: Snapshot) -> Tree:
    """Return the files that have to be read to be known, because they are not the very objects of the store."""
    linked = site.linked
    if linked is None:
        return snapshot.tree
    return {path: digest for path, digest in snapshot.tree.items() if not linked(snapshot.number, path, digest)}


def _file_fault(site: Inspectable, number: int, path: str, digest: Digest) -> str:
    try:
        with site.open(number, path) as handle:
            found = Digest.of_stream(handle)
    except MissingError:
        return "missing, or not a plain file"
    return "" if found == digest else f"sha256 {found.sha256}, the snapshot says {digest.sha256}"


def _index_faults(
    config: Config, store: LocalStore, keyring: Keyring, isolation: Isolation, snapshot: Snapshot
) -> Iterator[str]:
    """Follow every root of the site down to its packages, as a client would."""
    yield from mirror_faults(config, store, keyring.verifier, isolation, snapshot)
    yield from isolation.lines("NVIDIA's paths", nvidia_faults(store, snapshot.tree, snapshot.upstreams))
    for root in own_roots(snapshot):
        yield from isolation.lines(root.path, root.shows.faults(store, keyring.site_verifier, snapshot, root.path))
