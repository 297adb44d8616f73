"""Makes snapshots of complete bundles: the site's signature, the chain and the upstreams decide; one file shows it.

A bundle that is refused here is forgotten, so that it holds up no later one; its objects stay until ``gc``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cudepot.catalog.site.bundle import Link, Manifest, parse_manifest
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.history import History
from cudepot.depot.object_lists import Signed, note_list
from cudepot.depot.published_names import check_imported, record_names
from cudepot.depot.snapshots import lock_of
from cudepot.digest import CHUNK, Digest
from cudepot.errors import ClockError, ConfigError, CudepotError, FormatError, TrustError
from cudepot.ports import Progress
from cudepot.store.layout import IMPORTED, INCOMING
from cudepot.store.local import LocalStore
from cudepot.store.manifests import Manifests
from cudepot.workflows.bundle.environments import prove_environments
from cudepot.workflows.bundle.prove import Proved, prove
from cudepot.workflows.bundle.told_channels import checked_channels, keep_channels
from cudepot.workflows.bundle.unpacked import unpack


@dataclass(frozen=True, slots=True)
class Refused:
    """A bundle that did not come in: the snapshot it brings, why, and whether it is forgotten or still waits."""

    number: int
    why: str
    forgotten: bool


@dataclass(slots=True)
class Finished:
    """What became of the bundles.

    Attributes:
        imported: numbers of the snapshots that came.
        refused: bundles that did not hold, or that newer ones have overtaken.
        proved, licences: what vouches for the newest that came, and licence texts accepted for it.
    """

    imported: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    proved: tuple[Proved, ...] = ()
    licences: tuple[str, ...] = ()


def waiting_manifests(incoming: Manifests) -> tuple[dict[str, Manifest], dict[str, Refused]]:
    """Return the manifests of bundles that wait, and those that cannot be read: of a newer cudepot, or damaged."""
    known: dict[str, Manifest] = {}
    bad: dict[str, Refused] = {}
    for name in incoming.names():
        try:
            known[name] = parse_manifest(incoming.read(name)[0], f"manifest {name}")
        except (FormatError, ConfigError) as error:
            bad[name] = Refused(0, str(error), isinstance(error, FormatError))
    return known, bad


def finish(depot: Depot, known: dict[str, Manifest], given: Collection[str], *, older: bool = False) -> Finished:
    """Import what is complete, the oldest first, and forget what is refused or was overtaken.

    Args:
        depot: the depot.
        known: manifests that wait in ``incoming/``, by name.
        given: names of those the user gave now.
        older: whether one that is older than what is here may come in: of a site that said so, for a channel of it.

    Raises:
        CudepotError: one that was given now is refused; all others were looked at before.
    """
    incoming, done = depot.store.manifests(INCOMING), Finished()
    first: CudepotError | None = None
    for name, manifest in sorted(known.items(), key=lambda one: one[1].number):
        if not _is_ready(depot.store, manifest):
            continue
        try:
            _bring(depot, incoming, name, manifest, done, older=older)
        except (TrustError, FormatError, ConfigError) as error:
            forgotten = not isinstance(error, ConfigError | ClockError)  # else something can be done about it here
            if forgotten:
                incoming.remove(name)
            done.refused.append(Refused(manifest.number, str(error), forgotten))
            first = first or (error if name in given else None)
    done.refused += _overtaken(depot.store, incoming, known)
    depot.store.settle()
    if first is not None:
        came = f" (snapshot {', '.join(map(str, done.imported))} was imported anyway)" if done.imported else ""
        raise first.retold(f"{first}{came}")
    return done


def _is_ready(store: LocalStore, manifest: Manifest) -> bool:
    base = manifest.base
    return not lacking(store, manifest) and (not base.number or snapshot_links(store).get(base.number) == base)


def _bring(depot: Depot, incoming: Manifests, name: str, manifest: Manifest, done: Finished, *, older: bool) -> None:
    """Import one bundle of which nothing is missing."""
    imported, links = depot.store.manifests(IMPORTED), snapshot_links(depot.store)
    _join(depot.store, depot.progress, manifest)
    depot.progress.step(f"unpacking indexes and documents of snapshot {manifest.number}")
    unpack(depot.store, manifest)
    depot.progress.step(f"checking snapshot {manifest.number}: its signature and its names")
    fresh = manifest.number not in links if older else manifest.number > max(links, default=0)
    if fresh:
        snapshot, done.proved = _checked(depot, manifest)
        done.licences = lock_of(depot.store, snapshot).accepted_eula
        depot.store.settle()
    channels = checked_channels(depot.store, depot.site_verifier, manifest)
    number = f"{manifest.number:06d}"
    if (fresh or links.get(manifest.number) == manifest.link) and not imported.has(number):
        imported.add(number, *incoming.read(name))
    if fresh:
        _show(depot.store, depot.history, manifest)
        done.imported.append(manifest.number)
    keep_channels(depot.store, channels)
    depot.progress.step("removing used pieces and patches")
    _drop_pieces(depot.store, manifest)
    incoming.remove(name)


def _overtaken(store: LocalStore, incoming: Manifests, known: dict[str, Manifest]) -> Iterator[Refused]:
    """Forget the bundles whose snapshot can come in no more, because a newer one is here."""
    links = snapshot_links(store)
    newest = max(links, default=0)
    for name, manifest in known.items():
        if incoming.has(name) and manifest.number <= newest and links.get(manifest.number) != manifest.link:
            incoming.remove(name)
            yield Refused(manifest.number, f"snapshot {newest}, which is already here, is newer", True)


class Links(Mapping[int, Link]):
    """The snapshots of a store by number, with the hashes of their documents: each is read when it is asked for."""

    def __init__(self, store: LocalStore) -> None:
        self._snapshots = store.snapshots
        self._found: dict[int, Link | None] = dict.fromkeys(self._snapshots.numbers())

    def __getitem__(self, number: int) -> Link:
        found = self._found[number]
        if found is None:
            found = self._found[number] = Link(number, Digest.of(self._snapshots.read(number)[0]).sha256)
        return found

    def __contains__(self, number: object) -> bool:
        return number in self._found

    def __iter__(self) -> Iterator[int]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def snapshot_links(store: LocalStore) -> Links:
    """Return the snapshots of the store by number, with the hashes of their documents."""
    return Links(store)


def _show(store: LocalStore, history: History, manifest: Manifest) -> None:
    """Make a snapshot visible: the one step that counts."""
    document, signature = store.read(manifest.document), store.read(manifest.signature)
    store.snapshots.add(manifest.number, document, signature)
    record_names(store, history)
    note_list(store, Signed(history.load(manifest.number), document, signature))


def lacking(store: LocalStore, manifest: Manifest) -> list[Digest]:
    """Return the members of a bundle that are not in the store, nor part of what was made of them there."""
    joined = {part for whole, parts in manifest.pieces if store.has(whole) for part in parts}
    joined |= {one.packed for one in manifest.unpacked if one.base and store.has(one.plain)}
    travelling = {one for volume in manifest.volumes for one in volume}
    return sorted(one for one in travelling - joined if not store.has(one))


def _join(store: LocalStore, progress: Progress, manifest: Manifest) -> None:
    missing = [(whole, parts) for whole, parts in manifest.pieces if not store.has(whole)]
    if not missing:
        return
    progress.begin(
        f"joining {len(missing)} files that arrived in pieces", sum(whole.size for whole, _ in missing), len(missing)
    )
    try:
        for whole, parts in missing:
            _join_one(store, progress, whole, parts)
            progress.advance(0, 1)
    finally:
        progress.end()


def _join_one(store: LocalStore, progress: Progress, whole: Digest, parts: Iterable[Digest]) -> None:
    with store.part(whole) as out:
        out.restart()
        for part in parts:
            with store.open(part) as handle:
                while chunk := handle.read(CHUNK):
                    out.write(chunk)
                    progress.advance(len(chunk))
        out.commit()


def _drop_pieces(store: LocalStore, manifest: Manifest) -> None:
    """Remove pieces and patches that were used, unless one is something of its own: a manifest may call anything so."""
    joined = {part for _, parts in manifest.pieces for part in parts}
    joined |= {one.packed for one in manifest.unpacked if one.base}
    if joined:
        for part in joined - set(_kept(store)):
            store.discard(part)


def _kept(store: LocalStore) -> Iterator[Digest]:
    """Give what all snapshots here show and what proves them."""
    snapshots, imported = store.snapshots, store.manifests(IMPORTED)
    for number in snapshots.numbers():
        one = parse_snapshot(snapshots.read(number)[0], f"snapshot {number}")
        yield from (*one.tree.values(), one.lock)
    for name in imported.names():
        manifest = parse_manifest(imported.read(name)[0], name)
        yield from (manifest.document, manifest.signature)
        yield from (digest for root in manifest.roots for digest in root.objects)


def _checked(depot: Depot, manifest: Manifest) -> tuple[Snapshot, tuple[Proved, ...]]:
    """Return the snapshot a bundle brings after everything about it was found to hold."""
    document, signature = depot.store.read(manifest.document), depot.store.read(manifest.signature)
    what = f"snapshot {manifest.number}"
    depot.site_verifier().detached(document, signature, what)
    snapshot = parse_snapshot(document, what)
    if snapshot.number != manifest.number:
        raise TrustError(f"{what}: it contains the document of snapshot {snapshot.number}", hint="do not import it")
    if manifest.base.number == manifest.number - 1 and snapshot.parent != manifest.base.sha256:
        raise TrustError(
            f"{what}: does not follow snapshot {manifest.base.number} as it is here", hint="a foreign chain"
        )
    needed = {*snapshot.tree.values(), snapshot.lock}
    missing = [one for one in needed if not depot.store.has(one)]
    if missing:
        raise ConfigError(
            f"{what}: {len(missing)} of its objects are neither here nor in the bundle",
            hint="objects of its base were lost here: send the output of `cudepot bundle missing` to the near side",
        )
    lock = lock_of(depot.store, snapshot)
    check_imported(depot.store, depot.history, snapshot, lock)
    proved = prove(depot, lock, snapshot.tree, manifest.roots)
    prove_environments(depot.store, depot.progress, lock, snapshot.tree)
    return snapshot, proved
