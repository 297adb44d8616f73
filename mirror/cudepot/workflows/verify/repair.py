"""``cudepot verify --repair``: mend store and site from each other, forget what only an upstream can bring again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.config.site import Site as SiteConfig
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.depot.history import History
from cudepot.depot.published_names import mend_names
from cudepot.disk import storage_errors
from cudepot.errors import CudepotError
from cudepot.ports import Inspectable, Site
from cudepot.store.layout import DAMAGED_ROOTS
from cudepot.store.local import LocalStore
from cudepot.workflows.edge.on_site import on_site
from cudepot.workflows.publish.from_site import from_site
from cudepot.workflows.sync import sync
from cudepot.workflows.verify.everything import VerifyResult, unlinked, verify
from cudepot.workflows.verify.store import damaged_snapshots, record_faults


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What was found, what was done about it, and what is left."""

    before: VerifyResult
    done: tuple[str, ...]
    after: VerifyResult


def verify_and_repair(depot: Depot) -> RepairResult:
    """Verify, mend what can be mended here, verify again.

    A damaged object is taken from the site where an undamaged copy is there, or fetched again where it is locked; else
    it is removed, so that ``repackage``, ``publish`` or a bundle brings it again. The site gets back from the store
    what differs; a file the store lacks is withdrawn from it, because a client is better served by nothing than by
    wrong bytes.
    """
    before = verify(depot)
    if not before.faults:
        return RepairResult(before, (), before)
    with storage_errors(depot.store.root):
        done = (
            *_documents(depot.store, depot.history, depot.inspectable()),
            *_objects(depot.store, depot.history, depot.inspectable(), before),
            *_records(depot.store, depot.site_verifier),
            *_log(depot.store),
            *_fetched(depot, before),
        )
        done += (
            *mend_names(depot.store, depot.history),
            *_site(depot.store, depot.history, depot.inspectable(), depot.config.site),
        )
    return RepairResult(before, tuple(dict.fromkeys(done)), verify(depot))


def _documents(store: LocalStore, history: History, site: Inspectable) -> Iterator[str]:
    """Put back a snapshot's document from the site, where it is signed and whole."""
    snapshots = store.snapshots
    for number in list(damaged_snapshots(history)):
        with contextlib.suppress(CudepotError):
            with site.open(number, "snapshot.json") as one, site.open(number, "snapshot.json.asc") as other:
                document, signature = one.read(), other.read()
            history.verifier().detached(document, signature, f"snapshot {number} on the site")
            snapshots.restore(number, document, signature)
            yield f"snapshot {number}: put back from the site"


def _objects(store: LocalStore, history: History, site: Inspectable, found: VerifyResult) -> Iterator[str]:
    shown = _shown(history, site)
    for place in found.damaged:
        if Path(place).is_symlink() or not Path(place).is_dir():
            name = store.drop(place)
            if shown and _from_site(store, site, shown, name):
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


def _shown(history: History, site: Site) -> Snapshot | None:
    shown = site.current()
    try:
        return history.load(shown) if shown in history.numbers() else None
    except CudepotError:
        return None


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


def _site(store: LocalStore, history: History, site: Inspectable, config: SiteConfig) -> Iterator[str]:
    """Make the site hold what its snapshot says."""
    shown = _shown(history, site)
    if shown is None:
        return
    shown, documents = on_site(store, config, shown)
    wrong = unlinked(site, shown)
    lost = [path for path, digest in shown.tree.items() if not store.has(digest)]
    # Without its document the snapshot counts as not written, so that `publish` completes it.
    extra = {} if lost else documents
    site.mend(shown.number, shown.tree, extra)
    if wrong:
        yield f"{site.where}: {len(wrong)} files compared with the store and fixed"
    if lost:
        yield f"{site.where}: {len(lost)} files withdrawn until the store has them again, for example {lost[0]}"
