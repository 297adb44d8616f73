"""``cudepot bundle import``: take volumes in any order; a snapshot appears when everything of it holds.

Objects enter the store one by one, each checked. The manifest waits in ``incoming/`` until no object is missing; then
the site's signature, the chain of snapshots and the upstreams' own signatures decide, and only the last step, one
file, makes the snapshot visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.bundle import Link, Manifest, parse_manifest
from cudepot.catalog.snapshot import Snapshot, parse_snapshot
from cudepot.digest import CHUNK, Digest
from cudepot.errors import ConfigError, StaleError, TrustError
from cudepot.store.manifests import Manifests
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.bundle_volume import Volume, open_volume, take
from cudepot.workflows.depot import Depot
from cudepot.workflows.proof import read
from cudepot.workflows.prove import Proved, prove
from cudepot.workflows.snapshots import lock_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """A bundle that is not complete: the snapshot it brings, the volumes not seen whole, and objects missing."""

    number: int
    volumes: tuple[int, ...]
    objects: int


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What importing did.

    Attributes:
        imported: numbers of the snapshots that came; ``publish`` shows the newest.
        waiting: bundles of which more volumes have to come.
        objects: how many were new.
        proved: what vouches for the packages of the newest snapshot that came.
        licences: sha256 of the licence texts the near side accepted for it.
    """

    imported: tuple[int, ...]
    waiting: tuple[Waiting, ...]
    objects: int
    proved: tuple[Proved, ...] = ()
    licences: tuple[str, ...] = ()


def import_bundle(depot: Depot, files: Sequence[Path], *, dry_run: bool = False) -> ImportResult:
    """Take volumes, of one bundle or several, and import every snapshot that is complete.

    Args:
        depot: the depot; its configuration names the site it mirrors.
        files: volumes in any order.
        dry_run: check signatures, headers and the chain of snapshots; bring nothing.

    Raises:
        ConfigError: this project mirrors no site, or a bundle has to be imported before.
        TrustError: foreign, older, forked, damaged, or not vouched for by its upstream. Nothing is shown then.
    """
    if not depot.config.site.origin:
        raise ConfigError(
            "this project signs a site of its own: it imports no bundle",
            hint="make a project for the far side with `cudepot init --from-site KEYFILE`",
        )
    volumes = [open_volume(file, depot.site_verifier()) for file in files]
    incoming = Manifests(depot.store.root, "incoming")
    known = {name: parse_manifest(incoming.read(name)[0], name) for name in incoming.names()}
    known |= {one.name: one.manifest for one in volumes}
    for volume in volumes:
        _check_lineage(depot, volume.manifest, volume.path, known.values())
    if dry_run:
        return ImportResult((), _waiting(depot, known.values()), 0)
    new = sum(_take(depot, incoming, one) for one in volumes)
    return _finish(depot, incoming, known, new)


def _check_lineage(depot: Depot, manifest: Manifest, path: Path, others: Iterable[Manifest]) -> None:
    """Refuse what is older, what belongs to another chain, and what follows a snapshot that is not here."""
    links = snapshot_links(depot)
    newest = max(links, default=0)
    if manifest.number in links:
        if links[manifest.number] != manifest.link:
            raise TrustError(
                f"{path}: brings a snapshot {manifest.number} that differs from the one imported before",
                hint="two near sides sign with one key, or the near side lost its store: ask there before going on",
            )
        return
    if manifest.number < newest:
        raise StaleError(
            f"{path}: brings snapshot {manifest.number}, older than {newest}, which is here",
            hint="take the newest bundle; `cudepot rollback` shows an older snapshot again",
        )
    base = manifest.base
    if not base.number or links.get(base.number) == base or base in [one.link for one in others]:
        return
    if base.number in links:
        raise TrustError(
            f"{path}: starts from another snapshot {base.number} than the one here", hint="a foreign chain"
        )
    raise ConfigError(
        f"{path}: starts from snapshot {base.number}, which is not here (newest: {newest or 'none'})",
        hint="import the bundles between first, or give `cudepot bundle missing` to the near side",
    )


def snapshot_links(depot: Depot) -> dict[int, Link]:
    """Return the snapshots of the store by number, with the hashes of their documents."""
    snapshots = Snapshots(depot.store.root)
    return {one: Link(one, Digest.of(snapshots.read(one)[0]).sha256) for one in snapshots.numbers()}


def _take(depot: Depot, incoming: Manifests, volume: Volume) -> int:
    if not incoming.has(volume.name):
        incoming.add(volume.name, volume.document, volume.signature)
    return take(volume, depot.store, depot.progress)


def _finish(depot: Depot, incoming: Manifests, known: dict[str, Manifest], new: int) -> ImportResult:
    """Import what is complete, the oldest first, and forget what has been overtaken."""
    imported, done = Manifests(depot.store.root, "imported"), list[int]()
    proved: tuple[Proved, ...] = ()
    licences: tuple[str, ...] = ()
    for name, manifest in sorted(known.items(), key=lambda one: one[1].number):
        links = snapshot_links(depot)
        base = manifest.base
        if lacking(depot, manifest) or (base.number and links.get(base.number) != base):
            continue
        _join(depot, manifest)
        fresh = manifest.number > max(links, default=0)
        if fresh:
            snapshot, proved = _checked(depot, manifest)
            licences = lock_of(depot, snapshot).accepted_eula
            depot.store.settle()
        number = f"{manifest.number:06d}"
        if (fresh or manifest.number in links) and not imported.has(number):
            imported.add(number, *incoming.read(name))
        if fresh:
            _show(depot, manifest)
            done.append(manifest.number)
        _drop_pieces(depot, manifest)
        incoming.remove(name)
    depot.store.settle()
    left = [manifest for name, manifest in known.items() if incoming.has(name)]
    return ImportResult(tuple(done), _waiting(depot, left), new, proved, licences)


def _show(depot: Depot, manifest: Manifest) -> None:
    """Make a snapshot visible: the one step that counts."""
    document, signature = read(depot.store, manifest.document), read(depot.store, manifest.signature)
    Snapshots(depot.store.root).add(manifest.number, document, signature)


def lacking(depot: Depot, manifest: Manifest) -> list[Digest]:
    """Return the members of a bundle that are not in the store, nor joined to what they are pieces of."""
    joined = {part for whole, parts in manifest.pieces if depot.store.has(whole) for part in parts}
    travelling = {one for volume in manifest.volumes for one in volume}
    return sorted(one for one in travelling - joined if not depot.store.has(one))


def _waiting(depot: Depot, manifests: Iterable[Manifest]) -> tuple[Waiting, ...]:
    found = []
    for one in sorted(manifests, key=lambda one: one.number):
        missing = set(lacking(depot, one))
        volumes = tuple(number for number, held in enumerate(one.volumes, 1) if missing & set(held))
        found.append(Waiting(one.number, volumes, len(missing)))
    return tuple(found)


def _join(depot: Depot, manifest: Manifest) -> None:
    for whole, parts in manifest.pieces:
        if depot.store.has(whole):
            continue
        with depot.store.part(whole) as out:
            out.restart()
            for part in parts:
                with depot.store.open(part) as handle:
                    while chunk := handle.read(CHUNK):
                        out.write(chunk)
            out.commit()


def _drop_pieces(depot: Depot, manifest: Manifest) -> None:
    """Remove the pieces that were joined, unless one is something of its own: a manifest may call anything a piece."""
    if manifest.pieces:
        joined = {part for _, parts in manifest.pieces for part in parts}
        for part in joined - set(_kept(depot)):
            depot.store.discard(part)


def _kept(depot: Depot) -> Iterator[Digest]:
    """Give what all snapshots here show and what proves them."""
    snapshots, imported = Snapshots(depot.store.root), Manifests(depot.store.root, "imported")
    for number in snapshots.numbers():
        one = parse_snapshot(snapshots.read(number)[0], f"snapshot {number}")
        yield from (*one.tree.values(), one.lock)
    for name in imported.names():
        manifest = parse_manifest(imported.read(name)[0], name)
        yield from (manifest.document, manifest.signature)
        yield from (digest for root in manifest.roots for digest in root.objects)


def _checked(depot: Depot, manifest: Manifest) -> tuple[Snapshot, tuple[Proved, ...]]:
    """Return the snapshot a bundle brings after everything about it was found to hold."""
    document, signature = read(depot.store, manifest.document), read(depot.store, manifest.signature)
    what = f"snapshot {manifest.number}"
    depot.site_verifier().detached(document, signature, what)
    snapshot = parse_snapshot(document, what)
    if snapshot.number != manifest.number:
        raise TrustError(f"{what}: its document is that of snapshot {snapshot.number}", hint="do not import it")
    if manifest.base.number == manifest.number - 1 and snapshot.parent != manifest.base.sha256:
        raise TrustError(
            f"{what}: does not follow snapshot {manifest.base.number} as it is here", hint="a foreign chain"
        )
    needed = {*snapshot.tree.values(), snapshot.lock}
    missing = [one for one in needed if not depot.store.has(one)]
    if missing:
        raise ConfigError(
            f"{what}: {len(missing)} of its objects are neither here nor in the bundle",
            hint="objects of its base were lost here: give `cudepot bundle missing` to the near side",
        )
    return snapshot, prove(depot, lock_of(depot, snapshot), snapshot.tree, manifest.roots)
