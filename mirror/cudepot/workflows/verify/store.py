"""Verify what a store keeps beside its objects: snapshots, build records, memories of upstreams, bundles' manifests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.site.bundle import parse_manifest
from cudepot.catalog.site.snapshot import Named, Snapshot, meant_by, named_objects, parse_head, parse_snapshot
from cudepot.depot.builds import parse_record
from cudepot.depot.depot import SiteVerifier
from cudepot.depot.history import History, check_number
from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError, SignatureError
from cudepot.openpgp import is_plain_armor
from cudepot.ports import Progress
from cudepot.store.layout import BUILDS, LAYOUT, MANIFESTS, Entry, Guard
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


def snapshot_faults(config: Config, store: LocalStore, history: History, progress: Progress) -> Iterator[str]:
    """Check every snapshot: signature, place in the chain of hashes, and whether the store has what it names."""
    snapshots = store.snapshots
    documents = snapshots.documents()
    looked_for = _LookedFor(store, set(), set())
    for number in snapshots.numbers():
        progress.step(f"checking snapshot {number}")
        what = str(snapshots.path(number))
        try:
            document, signature = history.signed(number)
            head = parse_head(document, what)
            check_number(what, head.number, number)
            lacks = looked_for.lacks(document, what)
        except CudepotError as error:
            yield str(error)
            continue
        if not is_plain_armor(signature):
            yield f"{what}.asc: the signature verifies, but its armour was changed"
        before = snapshots.document(number - 1)
        gap = number != documents[0] and not config.site.origin  # bundles bring only some snapshots
        if (before or gap) and head.parent != Digest.of(before).sha256:
            yield f"snapshot {number}: does not follow snapshot {number - 1} (its parent hash differs)"
        if lacks or not store.has(head.lock):
            yield from _lost(store, number, parse_snapshot(document, what))


class _LookedFor(NamedTuple):
    """Objects of snapshots, each looked for once: hundreds of trees have most of theirs in common."""

    store: LocalStore
    seen: Named
    lost: Named

    def lacks(self, document: bytes, what: str) -> bool:
        """Return whether the store lacks something of a snapshot; raise ConfigError where it is malformed."""
        names = named_objects(document, what)
        fresh = names - self.seen
        self.seen.update(fresh)
        self.lost.update(one for one in fresh if not self.store.has(meant_by(one)))
        return not names.isdisjoint(self.lost)


def _lost(store: LocalStore, number: int, snapshot: Snapshot) -> Iterator[str]:
    for path, digest in {**snapshot.tree, "its cudepot.lock": snapshot.lock}.items():
        if not store.has(digest):
            how = "damaged" if store.is_damaged(digest) else "not"
            yield f"snapshot {number}: {path} is {how} in the store ({digest.sha256[:12]}…)"


def damaged_snapshots(history: History) -> Iterator[int]:
    """Give the numbers of snapshots that do not hold."""
    for number in history.numbers():
        try:
            history.load(number)
        except CudepotError:
            yield number
            continue
        if not is_plain_armor(history.documents.read(number)[1]):
            yield number


class RecordFault(NamedTuple):
    """A record of the store that does not hold.

    Attributes:
        damaged: whether its own bytes are wrong, so that it may be forgotten. A signed document that cannot be
            checked now (the clock, an expired key, a keyring or tool that is not there) may not.
    """

    path: Path
    text: str
    damaged: bool


def record_faults(store: LocalStore, site_verifier: SiteVerifier) -> Iterator[RecordFault]:
    """Give each record of the store that does not hold, and what is wrong with it."""
    for entry in LAYOUT:
        for path in entry.found(store.root) if entry.guard is Guard.CHECK else ():
            try:
                _check(store, site_verifier, entry, path)
            except (CudepotError, OSError) as error:
                text = str(error) if str(path) in str(error) else f"{path}: {error}"
                damaged = entry not in MANIFESTS or isinstance(error, SignatureError | FormatError)
                yield RecordFault(path, text, damaged)


def _check(store: LocalStore, site_verifier: SiteVerifier, entry: Entry, path: Path) -> None:
    """Raise CudepotError or OSError where a record does not hold."""
    if entry == BUILDS:
        parse_record(path.read_bytes(), str(path))
    elif entry in MANIFESTS:
        what = f"manifest {path.stem}"
        document, signature = store.manifests(entry).read(path.stem)
        site_verifier().detached(document, signature, what)
        parse_manifest(document, what)
    else:
        SealedFile(path).read()
