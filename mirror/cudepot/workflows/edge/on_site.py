"""Every file a site has for a snapshot: its tree, its documents, and what edges need where the site has edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cudepot.catalog.config.site import Site
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.catalog.site_tops import FOLLOW, FOLLOWED
from cudepot.digest import Digest
from cudepot.store import layout
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.catalog.site.bundle import Manifest

DOCUMENTS = ("snapshot.json", "snapshot.json.asc")
"""Names on the site of a snapshot's document and its signature."""


class OnSite(NamedTuple):
    """A snapshot as a site has it.

    Attributes:
        snapshot: its tree holds what edges need, too.
        extra: path → bytes of the documents beside the tree.
    """

    snapshot: Snapshot
    extra: Mapping[str, bytes]


def on_site(store: LocalStore, site: Site, snapshot: Snapshot) -> OnSite:
    """Return every file that the site has, or is to have, for a snapshot of the store."""
    own = dict(zip(DOCUMENTS, store.snapshots.read(snapshot.number), strict=True))
    found = _offered(store, site, snapshot.number)
    if found is None:
        return OnSite(snapshot, own)
    from cudepot.catalog.site.bundle import parse_manifest  # noqa: PLC0415 - few sites have edges

    manifest = parse_manifest(found[0], f"manifest {snapshot.number} for edges")
    tree = {**snapshot.tree, **beside(manifest, snapshot)}
    return OnSite(replace(snapshot, tree=tree), own | dict(zip(FOLLOW, found, strict=True)))


def beside(manifest: Manifest, snapshot: Snapshot) -> dict[str, Digest]:
    """Return what an edge needs that is no file of the snapshot, by its path on the site."""
    needed = {snapshot.lock, *(one for root in manifest.roots for one in root.objects)} - set(snapshot.tree.values())
    return {f"{FOLLOWED}/{one.sha256}": one for one in sorted(needed)}


def _offered(store: LocalStore, site: Site, number: int) -> tuple[bytes, bytes] | None:
    """Return the signed manifest of a snapshot; None where the site has no edges, or none was made."""
    kept, name = store.manifests(layout.IMPORTED if site.origin else layout.FOLLOWED), f"{number:06d}"
    return kept.read(name) if site.edges and kept.has(name) else None
