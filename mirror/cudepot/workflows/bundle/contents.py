"""Chooses what a bundle carries: what its snapshot needs and the far side lacks, packed, as patches, cut to volumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cudepot.catalog.site.bundle import SUMS_LINE, Link, Manifest, Want, plan_volumes, render_manifest
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.history import History
from cudepot.depot.snapshots import lock_of
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.formats.bundle_tar import LIMITS, MANIFEST, SUMS
from cudepot.formats.guarded import sliced
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.store.present import absent
from cudepot.workflows.bundle.channels import said_of_channels
from cudepot.workflows.bundle.roots import signed_roots, travelling_proofs
from cudepot.workflows.bundle.unpacked import patchable, unpackable


def manifest_of(
    depot: Depot, base: Link, newest: Snapshot, want: Want | None, split: int, *, plain: bool
) -> tuple[Manifest, bytes]:
    """Return the manifest of a bundle, as a value and as the document that is signed.

    Args:
        depot: the depot.
        base: the snapshot the far side has; number 0 for none.
        newest: the snapshot the bundle brings.
        want: what the far side asks for; None where it sent no list.
        split: most bytes of a volume; 0 for one volume.
        plain: whether nothing is packed with Zstandard or sent as a patch, for a far side without cudepot.

    Raises:
        ConfigError: objects are missing in the store, or there are more than a far side would read a list of.
    """
    document, signature = (depot.store.add_bytes(one) for one in depot.store.snapshots.read(newest.number))
    lock = lock_of(depot.store, newest)
    roots = signed_roots(depot, lock)
    proving = {one for root in roots for one in root.objects}
    depot.progress.step(f"choosing which of {len(newest.tree):,} files to send")
    every = {*newest.tree.values(), newest.lock, document, signature, *proving}
    every -= _held(depot, base, want, Link(newest.number, document.sha256), every - {document, signature})
    every |= set(want.objects) if want else set()
    said = said_of_channels(depot, base)
    every |= {one for record in said.records or () for one in record}
    _check_present(depot.store, depot.progress, every)
    asked = set(want.objects) if want else set()
    unpacked = unpackable(depot.store, newest.tree, every - asked, plain=plain)
    editions = () if plain else _editions(depot.store, depot.history, base, newest, document)
    patches = patchable(depot.store, editions, every - asked - unpacked.keys())
    unpacked |= patches
    every = every - unpacked.keys() | {one.packed for one in patches.values()}
    volumes, pieces = plan_volumes(every, split, len(proving), lambda one, size: _cut(depot.store, one, size))
    made = Manifest(
        depot.signer().fingerprint,
        base,
        newest.number,
        document,
        signature,
        roots,
        volumes,
        pieces,
        tuple(sorted(unpacked.values(), key=lambda one: (not one.base, one.plain))),  # a patch may give a packed form
        said.channels,
        said.promotion,
        records=said.records,
        tags=said.tags,
    )
    rendered = render_manifest(made)
    _check_size(rendered, max(map(len, volumes)))
    return made, rendered


def _editions(
    store: LocalStore, history: History, base: Link, newest: Snapshot, document: Digest
) -> Iterator[tuple[Digest, Digest]]:
    """Give what the far side has by its base beside what comes in its place: documents, and files of the same path."""
    if base.number in (0, newest.number):
        return
    old = history.find(base.number)
    yield store.add_bytes(store.snapshots.read(base.number)[0]), document
    yield old.lock, newest.lock
    yield from ((old.tree[path], new) for path, new in newest.tree.items() if old.tree.get(path, new) != new)


def _check_size(manifest: bytes, most: int) -> None:
    """Refuse to write what no far side would read: it takes so much before it has checked a signature, and no more."""
    if len(manifest) > LIMITS[MANIFEST] or most * SUMS_LINE > LIMITS[SUMS]:
        raise ConfigError(
            f"the manifest of this bundle has {len(manifest)} bytes, but the far side accepts {LIMITS[MANIFEST]}: "
            "these are too many objects for one bundle",
            hint="publish in steps: pin a part, publish, export; then pin the rest and export --since that snapshot",
        )


def _held(depot: Depot, base: Link, want: Want | None, newest: Link, every: set[Digest]) -> set[Digest]:
    """Return what the far side has already: its base, or all of a bundle of which it only lost volumes."""
    if want and newest in want.pending:
        return every
    if not base.number:
        return set()
    old = depot.history.find(base.number)
    held = {*old.tree.values(), old.lock}
    if depot.store.has(old.lock):
        held |= {
            one
            for proof in travelling_proofs(depot.store, depot.isolation, depot.progress, lock_of(depot.store, old))
            for one in proof.objects
        }
    return held


def _check_present(store: LocalStore, progress: Progress, objects: Iterable[Digest]) -> None:
    missing = [one.sha256 for one in sorted(absent(store, progress, objects))]
    if missing:
        raise ConfigError(
            f"{len(missing)} objects of the bundle are not in the store, or damaged there, for example {missing[0]}",
            hint="`cudepot verify` says what they belong to; `cudepot verify --repair`, then sync, repackage and "
            "publish bring back what the site or an upstream still has",
        )


def _cut(store: LocalStore, digest: Digest, size: int) -> list[Digest]:
    """Return the digests of an object's pieces."""
    found: list[Digest] = []
    with store.open(digest) as handle:
        for start in range(0, digest.size, size):
            length = min(size, digest.size - start)
            found.append(Digest.of_stream(sliced(handle, length, digest.sha256)))
    return found
