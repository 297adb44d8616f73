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
from cudepot.workflows.verify.shown import Shown, shown_places
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


def verify(depot: Depot, channel: str = "") -> VerifyResult:
    """Check store, snapshots and what the site shows, in one channel or in all of them; repairs nothing.

    Raises:
        ConfigError: the site has no such channel.
    """
    places = shown_places(depot, channel)
    held = depot.store.holdings()
    bad = _hash_all(depot.store, depot.progress, held, depot.workers)
    depot.progress.step("checking the snapshots and records of the store")
    faults = [*clock_faults(depot.store, depot.clock), *_with_names(depot.store, bad), *_record_faults(depot)]
    seen = _Seen(depot)
    for place in places:
        faults += seen.faults(place)
    numbers = depot.store.snapshots.numbers()
    if numbers and places[0].number not in numbers:
        faults.append(f"{places[0].where}: does not show a snapshot of this store; run `cudepot publish`")
    sizes = {one.name: one.size for one in held}  # one that is in a bucket and here as well is one object
    damaged = tuple(one.place for one in bad)
    return VerifyResult(
        len(sizes), sum(sizes.values()), len(numbers), seen.files, tuple(faults), damaged, tuple(seen.unsigned),
        tuple(seen.compared),
    )  # fmt: skip


def _record_faults(depot: Depot) -> Iterator[str]:
    """Check all that the store has beside its objects, and what channels show against it."""
    store, history = depot.store, depot.history  # one history, which checks a signature once
    yield from snapshot_faults(depot.config, store, history, depot.progress)
    yield from (one.text for one in record_faults(store, depot.site_verifier))
    yield from (text for _, text in store.roots_log.faults())
    depot.progress.step("comparing names with everything ever published")
    yield from (text for _, text in name_faults(store, history))
    yield from promotion_faults(store.promotions, depot.site_verifier)
    yield from channel_faults(depot.config, store, depot.inspectable())


class _Seen:
    """What is found where the site shows something: files in each place, indexes of a snapshot once.

    Attributes:
        files: how many were looked at.
        unsigned, compared: see :class:`VerifyResult`.
    """

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._followed: set[int] = set()
        self.files = 0
        self.unsigned: dict[str, None] = {}
        self.compared: list[Compared] = []

    def faults(self, place: Shown) -> Iterator[str]:
        """Check one place; what the store does not have, or does not hold, is reported elsewhere."""
        snapshot = place.snapshot(self._depot.history)
        if snapshot is None:
            return
        self.files += len(snapshot.tree)
        yield from _site_faults(self._depot, place, snapshot)
        if snapshot.number not in self._followed:
            self._followed.add(snapshot.number)
            yield from self._follow(snapshot)

    def _follow(self, snapshot: Snapshot) -> Iterator[str]:
        depot = self._depot
        self.unsigned |= dict.fromkeys(unsigned_shown(depot.config, snapshot))
        depot.progress.step(f"following the indexes of snapshot {snapshot.number}")
        yield from _index_faults(depot.config, depot.store, depot.keyring, depot.isolation, snapshot)
        yield from origin_faults(depot, snapshot)
        with contextlib.suppress(CudepotError):  # reported above
            new = compared(depot.config, depot.store, snapshot.tree)
            self.compared += [one for one in new if one not in self.compared]


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


def _site_faults(depot: Depot, place: Shown, snapshot: Snapshot) -> Iterator[str]:
    store, progress, shown, site = depot.store, depot.progress, snapshot.number, place.site
    snapshot, extra = on_site(store, depot.config.site, snapshot)
    progress.step(f"looking at {len(snapshot.tree):,} files of {place.where}")
    yield from _copy_faults(progress, place, snapshot)
    progress.step(f"listing the files of {place.where}")
    for name, data in extra.items():
        if _file_fault(site, shown, name, Digest.of(data)):
            yield f"{place.where}: {name}: differs from the store's"
    for path in site.files(shown):
        if path not in snapshot.tree and path not in extra:
            yield f"{place.where}: {path}: not part of the snapshot"


def _copy_faults(progress: Progress, place: Shown, snapshot: Snapshot) -> Iterator[str]:
    """Read the files of the site that are not the very objects of the store."""
    shown, site = snapshot.number, place.site
    copies = unlinked(site, snapshot)
    if not copies:
        return

    def look(one: tuple[str, Digest]) -> str:
        fault = _file_fault(site, shown, *one)
        progress.advance(one[1].size, 1)
        return f"{place.where}: {one[0]}: {fault}" if fault else ""

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
