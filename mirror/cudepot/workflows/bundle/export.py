"""``cudepot bundle export``: write what the far side lacks of the newest snapshot as signed tar volumes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.catalog.site.bundle import (
    Link,
    Manifest,
    Want,
    parse_manifest,
    sums,
)
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot, Signing, SiteVerifier
from cudepot.depot.history import History
from cudepot.depot.pointers import check_channel
from cudepot.depot.room import Need, Room, check_rooms, rooms
from cudepot.depot.snapshots import shown_snapshot
from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, TrustError
from cudepot.formats.guarded import sliced
from cudepot.ports import Progress
from cudepot.store.layout import EXPORTED
from cudepot.store.local import LocalStore
from cudepot.transport.volumes import numbered
from cudepot.workflows.bundle.contents import manifest_of
from cudepot.workflows.bundle.volume import complete_volume, write_volume

if TYPE_CHECKING:
    from cudepot.workflows.bundle.far_file import FarFile


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written.

    Attributes:
        base, number: the snapshot the far side must have (0: none), and the one the bundle brings.
        objects, bytes: what travels.
        volumes: the files, in order.
        sums: the file with their sha256.
        written: how many of them were written now; the others lay there complete.
        far: the file that takes bundles in where there is no cudepot, and its signature; none unless asked for.
        room: of a dry run, what the disk of the volumes would have to take.
    """

    base: int
    number: int
    objects: int
    bytes: int
    volumes: tuple[str, ...]
    sums: str
    written: int
    far: tuple[str, ...] = ()
    room: tuple[Room, ...] = ()


def export(
    depot: Depot,
    file: Path,
    *,
    since: int = 0,
    want: Want | None = None,
    channel: str = "",
    split: int = 0,
    with_cudepot: bool = False,
    dry_run: bool = False,
) -> ExportResult:
    """Write the bundle from snapshot ``since``, or for what a far side wants, to the newest one.

    Args:
        depot: the depot.
        file: name of the bundle; volumes are called ``NAME-001.tar`` … when there is a ``split``.
        since: number of the snapshot the far side has; 0 for none.
        want: what the far side asks for, instead of ``since``.
        channel: the channel whose snapshot it brings; empty for the newest that was published.
        split: most bytes of a volume; 0 for one volume.
        with_cudepot: put the file beside it that needs no cudepot over there, and pack nothing with Zstandard.
        dry_run: write nothing.

    Raises:
        ConfigError: nothing is published, ``since`` is not in this store, or ``split`` is too small.
        TrustError: the want-list is another site's, or an object is damaged.
    """
    if depot.config.site.origin:
        raise ConfigError(
            "this project shows another machine's site, so it cannot sign a bundle",
            hint="copy the bundles it came in, or export on the near side",
        )
    if not file.name.isprintable():
        raise ConfigError(
            f"{str(file)!r}: not a valid bundle name", hint="it is written to SHA256SUMS: use plain characters"
        )
    newest = _newest(depot, channel)
    base = (
        _base_of(depot.signing, depot.history, want, newest)
        if want
        else _link(depot.store, depot.history, since)
        if since
        else Link()
    )
    moved = bool(depot.config.site.channels) and base.number == newest.number  # a bundle of what channels show alone
    if base.number >= newest.number and not moved and not (want and want.objects):
        raise ConfigError(
            f"the newest snapshot is {newest.number}: nothing to send since {base.number}",
            hint="publish first; --since 0 sends everything",
        )
    manifest, document = manifest_of(depot, base, newest, want, split, plain=with_cudepot)
    signature = _signed(depot.signing, depot.site_verifier, document, dry_run=dry_run)
    paths = numbered(file, len(manifest.volumes)) if split else [file]
    far = _far_file(depot, file.parent, dry_run=dry_run) if with_cudepot else None
    room = _room(manifest, paths, far)
    if not dry_run:
        check_rooms(room)
        if far:
            far.write()
    written = 0 if dry_run else _write(depot, manifest, document, signature, paths, file, far.sums if far else "")
    travelling = [one for volume in manifest.volumes for one in volume]
    size = sum(one.size for one in travelling)
    names = tuple(map(str, paths))
    beside = (str(far.path), str(far.signature_path)) if far else ()
    return ExportResult(
        base.number,
        newest.number,
        len(travelling),
        size,
        names,
        str(_sums_path(file)),
        written,
        beside,
        room if dry_run else (),
    )


def _room(manifest: Manifest, paths: Sequence[Path], far: FarFile | None) -> tuple[Room, ...]:
    """Return what the disk of the volumes has to take, less what is there already."""
    total = sum(one.size for volume in manifest.volumes for one in volume) + (far.size if far else 0)
    there = sum(os.path.getsize(one) for one in paths if os.path.isfile(one))  # noqa: PTH113, PTH202 - any name
    return rooms([Need(paths[0].parent, total - there)])


def _far_file(depot: Depot, folder: Path, *, dry_run: bool) -> FarFile:
    from cudepot.workflows.bundle.far_file import far_file  # noqa: PLC0415 - where it is asked for

    return far_file(folder, depot.signing, depot.site_verifier, dry_run=dry_run)


def _newest(depot: Depot, channel: str) -> Snapshot:
    if channel:
        check_channel(depot.config, channel)
        return shown_snapshot(depot.history, depot.in_channel(channel).site())
    found = depot.history.latest(1)
    if not found:
        raise ConfigError("there is no snapshot to export", hint="run `cudepot publish` first")
    return found[0]


def _link(store: LocalStore, history: History, number: int) -> Link:
    history.find(number)
    return Link(number, Digest.of(store.snapshots.read(number)[0]).sha256)


def _base_of(signing: Signing, history: History, want: Want, newest: Snapshot) -> Link:
    """Return the newest snapshot both sides have."""
    if want.site not in (newest.signer, signing.signer().fingerprint):
        raise TrustError(
            f"the want-list is for the site of {want.site}, this one is {newest.signer}", hint="wrong site"
        )
    numbers = signing.store.snapshots.numbers()
    common = [
        one for one in want.snapshots if one.number in numbers and _link(signing.store, history, one.number) == one
    ]
    if want.snapshots and not common:
        raise ConfigError("the far side has no snapshot that is in this store", hint="export with --since 0")
    return max(common, key=lambda one: one.number, default=Link())


def _signed(signing: Signing, site_verifier: SiteVerifier, document: bytes, *, dry_run: bool) -> bytes:
    """Return the signature of a manifest: the one made before, so that the same bundle has the same bytes."""
    exported, name = signing.store.manifests(EXPORTED), Digest.of(document).sha256
    if exported.has(name):
        found, signature = exported.read(name)
        if found == document:
            site_verifier().detached(document, signature, f"manifest {name[:12]}…")
            return signature
    signature = signing.signer().detach(document)
    if not dry_run:
        exported.add(name, document, signature)
    return signature


def exported_numbers(store: LocalStore) -> list[int]:
    """Return the numbers of the snapshots bundles were made of: what the next ones may start from."""
    exported = store.manifests(EXPORTED)
    return sorted({parse_manifest(exported.read(one)[0], one).number for one in exported.names()})


def _sums_path(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(".tar") + ".SHA256SUMS")


def _write(
    depot: Depot,
    manifest: Manifest,
    document: bytes,
    signature: bytes,
    paths: Sequence[Path],
    file: Path,
    more_sums: str,
) -> int:
    """Write the volumes that are not there complete, and SHA256SUMS last; return how many were written."""
    chunks, written, lines = _Chunks(depot.store, depot.progress, manifest), 0, []
    total = sum(one.size for volume in manifest.volumes for one in volume)
    depot.progress.begin(f"writing {len(paths)} volumes", total)
    for path, volume in zip(paths, manifest.volumes, strict=True):
        head = (document, signature, sums(document, signature, volume))
        sha256 = complete_volume(path, head, volume)
        written += not sha256
        lines.append(f"{sha256 or write_volume(path, head, volume, chunks)}  {path.name}\n")
    depot.progress.end()
    write_atomic(_sums_path(file), ("".join(lines) + more_sums).encode())
    return written


class _Chunks:
    """Gives the bytes of an object, or of a piece of one, checked on the way."""

    def __init__(self, store: LocalStore, progress: Progress, manifest: Manifest) -> None:
        self._store, self._progress = store, progress
        self._places = {
            part: (whole, number * parts[0].size)
            for whole, parts in manifest.pieces
            for number, part in enumerate(parts)
        }

    def __call__(self, one: Digest) -> Iterator[bytes]:
        whole, start = self._places.get(one, (one, 0))
        with self._store.open(whole) as handle:
            handle.seek(start)
            what = f"object {whole.sha256}"
            reader = VerifyingReader(sliced(handle, one.size, what), one, what)
            while chunk := reader.read(CHUNK):
                yield chunk
                self._progress.advance(len(chunk))
