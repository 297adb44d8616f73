"""``cudepot bundle import``: take volumes in any order; a snapshot appears when everything of it holds.

Objects enter the store one by one, each checked. The manifest waits in ``incoming/`` until no object is missing; then
the site's signature, the chain of snapshots and the upstreams' own signatures decide, and only the last step, one
file, makes the snapshot visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cudepot.catalog.site.bundle import Manifest
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.depot.room import Need, Room, check_rooms, rooms, still_to_come
from cudepot.digest import Digest
from cudepot.errors import ConfigError, StaleError, TrustError
from cudepot.ports import Progress
from cudepot.store.layout import INCOMING
from cudepot.store.local import LocalStore
from cudepot.store.manifests import Manifests
from cudepot.store.present import absent
from cudepot.workflows.bundle.finish import Refused, finish, lacking, snapshot_links, waiting_manifests
from cudepot.workflows.bundle.prove import Proved
from cudepot.workflows.bundle.shown_import import told_of
from cudepot.workflows.bundle.volume import Volume, open_volume, take
from cudepot_far.channels import unlisted


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
        refused: bundles given before that do not hold or that newer ones have overtaken.
        room: of a dry run, what the store's disk would have to take.
        channels: what each channel shows on the near side, where that is news.
        noted: whether what the bundles say of channels, promotions or tags is news.
        unlisted: what to do to show them here; empty where nothing is.
    """

    imported: tuple[int, ...]
    waiting: tuple[Waiting, ...]
    objects: int
    proved: tuple[Proved, ...] = ()
    licences: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    room: tuple[Room, ...] = ()
    channels: Mapping[str, int] = field(default_factory=dict)
    noted: bool = False
    unlisted: str = ""


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
            "this project signs its own site, so it cannot import bundles",
            hint="create a far-side project with `cudepot init --from-site KEYFILE`",
        )
    volumes = [_opened(depot.site_verifier, depot.progress, file) for file in files]
    incoming = depot.store.manifests(INCOMING)
    known, unreadable = waiting_manifests(incoming)
    known |= {one.name: one.manifest for one in volumes}
    for volume in volumes:
        _check_lineage(depot.store, volume.manifest, volume.path, known.values())
    room = _room(depot, volumes)
    if dry_run:
        return ImportResult((), _waiting(depot.store, known.values()), 0, room=room)
    check_rooms(room)
    for name in (name for name, one in unreadable.items() if one.forgotten):
        incoming.remove(name)
    new = sum(_take(depot.store, depot.progress, incoming, one) for one in volumes)
    before = told_of(depot.store)
    depot.progress.step("looking for bundles that are complete")
    done = finish(depot, known, {one.name for one in volumes})
    left = [manifest for name, manifest in known.items() if incoming.has(name)]
    refused = (*unreadable.values(), *done.refused)
    told = told_of(depot.store)
    return ImportResult(
        tuple(done.imported), _waiting(depot.store, left), new, done.proved, done.licences, refused,
        channels=dict(told.channels) if told.channels != before.channels else {}, noted=told != before,
        unlisted=unlisted(depot.config.site.channels, told),
    )  # fmt: skip


def _room(depot: Depot, volumes: Sequence[Volume]) -> tuple[Room, ...]:
    """Return what the store's disk has to take: what volumes bring, and what came in pieces once more as a whole."""
    parts = {Digest(one.sha256, one.size) for volume in volumes for one in volume.members}
    wholes = {whole for volume in volumes for whole, _ in volume.manifest.pieces}
    missing = absent(depot.store, depot.progress, parts | wholes)
    return rooms([Need(depot.base / depot.config.store, still_to_come(depot.store, missing))])


def _opened(site_verifier: SiteVerifier, progress: Progress, file: Path) -> Volume:
    progress.step(f"reading the table of contents of {file.name}")
    return open_volume(file, site_verifier())


def _check_lineage(store: LocalStore, manifest: Manifest, path: Path, others: Iterable[Manifest]) -> None:
    """Refuse what is older, what belongs to another chain, and what follows a snapshot that is not here."""
    links = snapshot_links(store)
    newest = max(links, default=0)
    if manifest.number in links:
        if links[manifest.number] != manifest.link:
            raise TrustError(
                f"{path}: brings a snapshot {manifest.number} that differs from the one imported earlier",
                hint="two near sides sign with the same key, or the near side lost its store: ask there before "
                "continuing",
            )
        return
    if manifest.number < newest:
        raise StaleError(
            f"{path}: brings snapshot {manifest.number}, older than {newest}, which is here",
            hint="import the newest bundle; `cudepot rollback` shows an older snapshot again",
        )
    base = manifest.base
    if not base.number or links.get(base.number) == base or base in [one.link for one in others]:
        return
    if base.number in links:
        raise TrustError(
            f"{path}: starts from a snapshot {base.number} that differs from the one here", hint="a foreign chain"
        )
    raise ConfigError(
        f"{path}: starts from snapshot {base.number}, which is not here (newest: {newest or 'none'})",
        hint="import the bundles in between first, or send the output of `cudepot bundle missing` to the near side",
    )


def _take(store: LocalStore, progress: Progress, incoming: Manifests, volume: Volume) -> int:
    progress.step(f"looking for the {len(volume.members):,} objects of {volume.path.name} in the store")
    if not incoming.has(volume.name):
        incoming.add(volume.name, volume.document, volume.signature)
    return take(volume, store, progress)


def waiting_notes(store: LocalStore) -> tuple[str, ...]:
    """Return a line for each bundle of which more volumes have to come."""
    known, _ = waiting_manifests(store.manifests(INCOMING))
    return tuple(
        f"snapshot {one.number} waits for {one.objects} objects in volumes {', '.join(map(str, one.volumes))}: "
        "import them with `cudepot bundle import`"
        for one in _waiting(store, known.values())
        if one.objects
    )


def _waiting(store: LocalStore, manifests: Iterable[Manifest]) -> tuple[Waiting, ...]:
    found = []
    for one in sorted(manifests, key=lambda one: one.number):
        missing = set(lacking(store, one))
        volumes = tuple(number for number, held in enumerate(one.volumes, 1) if missing & set(held))
        found.append(Waiting(one.number, volumes, len(missing)))
    return tuple(found)
