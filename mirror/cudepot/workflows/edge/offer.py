"""Signs what a site has for the edges that follow it: which snapshot it shows, and what proves its packages.

None of it is part of the snapshot: upstreams sign their roots anew every night, and a snapshot is made of packages.
Format: ``docs/formats.md``, "Edges".
"""

from __future__ import annotations

from cudepot.catalog.site.bundle import Link, Manifest, parse_manifest, render_manifest
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.formats.bundle_tar import LIMITS, MANIFEST
from cudepot.store import layout
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.roots import signed_roots


def offer(depot: Depot, snapshot: Snapshot) -> None:
    """Sign what edges need of a snapshot, where the site has edges; what came from another site was signed there."""
    site, kept, name = depot.config.site, depot.store.manifests(layout.FOLLOWED), f"{snapshot.number:06d}"
    if not site.edges or site.origin or kept.has(name):
        return
    depot.progress.step(f"signing what edges need of snapshot {snapshot.number}")
    document = render_manifest(_manifest(depot, snapshot))
    if len(document) > LIMITS[MANIFEST]:
        raise ConfigError(
            f"what edges need of snapshot {snapshot.number} takes {len(document)} bytes to list, but an edge reads "
            f"{LIMITS[MANIFEST]}",
            hint="set `edges = false` in [site], and carry bundles",
        )
    kept.add(name, document, depot.signer().detach(document))
    for old in kept.names():
        if int(old) not in depot.store.snapshots.numbers():
            kept.remove(old)


def _manifest(depot: Depot, snapshot: Snapshot) -> Manifest:
    document, signature = map(Digest.of, depot.store.snapshots.read(snapshot.number))
    roots = signed_roots(depot, lock_of(depot.store, snapshot))
    chain = tuple(_chain(depot.store, snapshot.number))
    return Manifest(depot.signer().fingerprint, Link(), snapshot.number, document, signature, roots, (), chain=chain)


def _chain(store: LocalStore, number: int) -> list[Link]:
    """Return the snapshots before one, those included that ``gc`` removed: an edge may have just one of them.

    What the manifest before says of them goes on: their documents may be gone, and reading all of them takes long.
    """
    kept, known = store.manifests(layout.FOLLOWED), dict[int, Link]()
    before = [one for one in kept.names() if int(one) < number]
    if before:
        manifest = parse_manifest(kept.read(before[-1])[0], f"manifest {before[-1]} for edges")
        known = {one.number: one for one in (*manifest.chain, manifest.link)}
    for one in store.snapshots.documents():
        if one < number and one not in known:
            known[one] = Link(one, Digest.of(store.snapshots.document(one)).sha256)
    return [known[one] for one in sorted(known)]
