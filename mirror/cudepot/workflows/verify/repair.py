"""``cudepot verify --repair``: repair store and site from each other, forget what only an upstream can supply again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.config.site import Site as SiteConfig
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.depot.history import History
from cudepot.depot.published_names import mend_names
from cudepot.disk import storage_errors
from cudepot.errors import CudepotError
from cudepot.ports import Inspectable
from cudepot.store.layout import DAMAGED_ROOTS
from cudepot.store.local import LocalStore
from cudepot.workflows.edge.on_site import DOCUMENTS, on_site
from cudepot.workflows.publish.from_site import from_site
from cudepot.workflows.sync import sync
from cudepot.workflows.verify.everything import VerifyResult, unlinked, verify
from cudepot.workflows.verify.shown import Shown, shown_places
from cudepot.workflows.verify.store import damaged_snapshots, record_faults


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What was found, what was done about it, and what is left."""

    before: VerifyResult
    done: tuple[str, ...]
    after: VerifyResult


def verify_and_repair(depot: Depot, channel: str = "") -> RepairResult:
    """Verify, mend what can be mended here, verify again.

    A damaged object is taken from the site where an undamaged copy is there, or fetched again where it is locked; else
    it is removed, so that ``repackage``, ``publish`` or a bundle brings it again. The site gets back from the store
    what differs; a file the store lacks is withdrawn from it, because a client is better served by nothing than by
    wrong bytes. Every channel is one more place to mend, and one more to take undamaged copies from; with ``channel``,
    only that one is looked at.

    Raises:
        ConfigError: the site has no such channel.
    """
    before = verify(depot, channel)
    if not before.faults:
        return RepairResult(before, (), before)
    places = shown_places(depot, channel)
    with storage_errors(depot.store.root):
        done = (
            *_documents(depot.store, depot.history, places),
            *_objects(depot.store, depot.history, places, before),
            *_records(depot.store, depot.site_verifier),
            *_log(depot.store),
            *_fetched(depot, before),
        )
        done += (
            *mend_names(depot.store, depot.history),
            *(line for one in places for line in _site(depot.store, depot.history, one, depot.config.site)),
        )
    return RepairResult(before, tuple(dict.fromkeys(done)), verify(depot, channel))


def _documents(store: LocalStore, history: History, places: Sequence[Shown]) -> Iterator[str]:
    """Put back a snapshot's document from the first place where it is signed and whole."""
    snapshots = store.snapshots
    for number in list(damaged_snapshots(history)):
        for place in places:
            with contextlib.suppress(CudepotError):
                snapshots.restore(number, *_document(history, place.site, number))
                yield f"snapshot {number}: put back from the site"
                break


def _document(history: History, site: Inspectable, number: int) -> tuple[bytes, bytes]:
    """Return a snapshot's document and signature as the site has them; raise CudepotError where they do not hold."""
    with site.open(number, DOCUMENTS[0]) as one, site.open(number, DOCUMENTS[1]) as other:
        document, signature = one.read(), other.read()
    history.verifier().detached(document, signature, f"snapshot {number} on the site")
    return document, signature


def _objects(store: LocalStore, history: History, places: Sequence[Shown], found: VerifyResult) -> Iterator[str]:
    snapshots = [(one.site, snapshot) for one in places if (snapshot := one.snapshot(history))]
    for damaged in found.damaged:
        if Path(damaged).is_symlink() or not Path(damaged).is_dir():
            name = store.drop(damaged)
            if any(_from_site(store, site, snapshot, name) for site, snapshot in snapshots):
                yield f"object {name}: put back from the site"
            else:
                yield f"object {name}: removed; sync, repackage, publish or a bundle restores it"


def _fetched(depot: Depot, found: VerifyResult) -> Iterator[str]:
    """Bring what was removed and is locked from its upstream; one that cannot be asked now stops no other repair."""
    if not found.damaged or depot.config.site.origin:
        return
    try:
        result = sync(depot)
    except CudepotError as error:
        yield f"not everything could be fetched again: {error}"
    else:
        if result.fetched_files:
            yield f"{result.fetched_files} locked files fetched again"


def _from_site(store: LocalStore, site: Inspectable, shown: Snapshot, sha256: str) -> bool:
    """Bring an object back from the site; return whether that went well."""
    same = ((path, digest) for path, digest in shown.tree.items() if digest.sha256 == sha256)
    return any(from_site(store, site, shown, path, digest) for path, digest in same)


def _records(store: LocalStore, site_verifier: SiteVerifier) -> Iterator[str]:
    for path, _, damaged in list(record_faults(store, site_verifier)):
        if not damaged:
            yield f"{path}: kept: it cannot be checked now"
            continue
        path.unlink(missing_ok=True)
        yield f"{path}: forgotten"


def _log(store: LocalStore) -> Iterator[str]:
    """Keep the good lines of the log of roots; the others move aside."""
    log, aside = store.roots_log, store.at(DAMAGED_ROOTS)
    if moved := log.move_damaged(aside):
        yield f"{log.path}: {moved} damaged lines moved to {aside.name}"


def _site(store: LocalStore, history: History, place: Shown, config: SiteConfig) -> Iterator[str]:
    """Make the site hold what the snapshot says that is shown there."""
    snapshot, site = place.snapshot(history), place.site
    if snapshot is None:
        return
    snapshot, documents = on_site(store, config, snapshot)
    wrong = unlinked(site, snapshot)
    lost = [path for path, digest in snapshot.tree.items() if not store.has(digest)]
    # Without its document the snapshot counts as not written, so that `publish` completes it.
    site.mend(snapshot.number, snapshot.tree, {} if lost else documents)
    if wrong:
        yield f"{place.where}: {len(wrong)} files compared with the store and fixed"
    if lost:
        yield f"{place.where}: {len(lost)} files withdrawn until the store has them again, for example {lost[0]}"
