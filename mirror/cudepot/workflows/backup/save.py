"""``cudepot backup``: write what cannot be fetched again of a project and its store as one signed file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.backup import FORMAT, Backup, Left, render_backup
from cudepot.catalog.site.bundle import sums
from cudepot.catalog.site.object_lists import digest_of
from cudepot.catalog.site.snapshot import parse_head
from cudepot.depot.clock import timestamp
from cudepot.depot.depot import Depot
from cudepot.depot.locked import load_lock
from cudepot.depot.object_lists import lists_for
from cudepot.depot.pointers import shown_by
from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError, CudepotError
from cudepot.formats.bundle_tar import BLOCK, LIMITS, MANIFEST, members
from cudepot.kinds.mirror_files import read_whole, wholes
from cudepot.sealed import sealed
from cudepot.store import layout
from cudepot.store.local import LocalStore
from cudepot.workflows.backup.project_files import ProjectFiles, project_files
from cudepot.workflows.bundle.volume import write_volume
from cudepot.workflows.gc import named

_NOT_KEPT = (
    layout.LOCK, layout.OBJECTS, layout.PARTS, layout.TMP, layout.SCRATCH, layout.COMPLETE, layout.OBJECT_LISTS,
)  # fmt: skip
"""What of a store is no part of a backup: what changes while it is written, and claims that objects are there."""
_SMALL = 1 << 20
_ASKED_AT_A_TIME = 8
_PRIVATELY = (
    0o600  # mode of a backup: the private key may be in it, and so may anything people keep beside cudepot.toml
)


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What was written, or would be.

    Attributes:
        file: the backup.
        objects, bytes: objects of the store in it.
        state, project: how many files of the store and of the project.
        left: upstream → objects and bytes that are left to it.
        lost: objects that snapshots name and the store has lost.
        outside: folders of upstreams beside the project: their files are in it as objects only.
        left_out: links that lead out of the project, which are no part of it.
        signed: whether the site's key signs it; the far side of an air gap and an edge have none.
        sha256: of the file; empty in a dry run.
        elsewhere: the bucket that has the store, which is no part of it then; empty where it is.
    """

    file: str
    objects: int
    bytes: int
    state: int
    project: int
    left: Mapping[str, tuple[int, int]]
    lost: int
    outside: tuple[str, ...]
    left_out: tuple[str, ...]
    signed: bool
    sha256: str = ""
    elsewhere: str = ""


def backup(
    depot: Depot, file: Path, *, everything: bool = False, ask: bool = False, with_key: bool = False,
    dry_run: bool = False,
) -> BackupResult:  # fmt: skip
    """Write a backup; it appears when it is complete.

    Args:
        depot: the depot.
        file: where to.
        everything: leave nothing to upstreams, nor to the bucket of a store that is in one.
        ask: ask upstreams for what would be left to them; what they do not have is in the backup.
        with_key: the private key too, which has to be in the project's folder then.
        dry_run: write nothing.

    Raises:
        ConfigError: the private key is elsewhere, or ``file`` is there and is no backup.
        StorageError: the disk refuses, or an object is damaged.
    """
    if file.exists() and not is_backup(file):
        raise ConfigError(f"{file}: is there and is no backup", hint="choose another name")
    elsewhere = "" if everything else depot.store.elsewhere
    objects, lost = _objects(depot) if not elsewhere else (set[Digest](), 0)
    left = {} if everything else _left(depot, objects, ask=ask)
    kept = tuple(sorted(objects - left.keys()))
    there = project_files(depot, with_key=with_key)
    project, state = _own(there, file), _state(depot.store) if not elsewhere else {}
    shown = {name: number for name, number in shown_by(depot.config, depot.site()).items() if number}
    made = Backup(
        timestamp(depot.clock), depot.signer().fingerprint, _keys(depot), depot.config.store, shown,
        {path: one.digest for path, one in project.items()}, {path: one.digest for path, one in state.items()},
        kept, tuple(left.values()), there.modes, there.links,
    )  # fmt: skip
    small = {one.digest: one for one in (*project.values(), *state.values())}
    sha256 = "" if dry_run else _write(depot, file, made, small)
    counts = (len(kept), sum(one.size for one in kept), len(state), len(project))
    outside, signed = tuple(_outside(depot)), not depot.config.site.origin
    left_to = _counted(left.values())
    return BackupResult(str(file), *counts, left_to, lost, outside, there.left_out, signed, sha256, elsewhere)


def is_backup(path: Path) -> bool:
    """Return whether a file is a backup, by what its manifest says it is."""
    try:
        with path.open("rb") as handle:
            if not handle.read(BLOCK).startswith(f"{MANIFEST}\0".encode()):
                return False
            first = next(members(handle, str(path)))
            handle.seek(first.offset)
            return f'"format": "{FORMAT}"'.encode() in handle.read(min(first.size, LIMITS[MANIFEST]))
    except (OSError, CudepotError, StopIteration):
        return False


def _objects(depot: Depot) -> tuple[set[Digest], int]:
    """Return all objects that a snapshot, the lock or a record names and the store has, and how many it has lost."""
    numbers = depot.history.numbers()
    depot.progress.step(f"looking for what {len(numbers)} snapshots and cudepot.lock name")
    lists = lists_for(depot.store, depot.config.site, depot.history, numbers)
    here = {one for one in named(depot, lists) if depot.store.has(one)}
    shown = {digest_of(name) for one in lists for name in one.came}
    shown |= {parse_head(depot.store.snapshots.head(one), f"snapshot {one}").lock for one in numbers}
    return here, len(shown - here)


def _left(depot: Depot, objects: set[Digest], *, ask: bool) -> dict[Digest, Left]:
    """Return the objects that upstreams of the present lock have, with where."""
    if not depot.lock_path.exists():
        return {}
    lock, remote = load_lock(depot.lock_path), {one.name for one in depot.config.upstreams if one.url}
    found = {one.digest: one for one in _remote(depot.store, lock) if one.upstream in remote and one.digest in objects}
    if ask:
        depot.progress.step(f"asking upstreams for {len(found):,} files")
        with ThreadPoolExecutor(_ASKED_AT_A_TIME) as pool:
            there = list(pool.map(lambda one: _has(depot, one), found.values()))
        found = {one.digest: one for one, is_there in zip(found.values(), there, strict=True) if is_there}
    return found


def _remote(store: LocalStore, lock: Lock) -> Iterator[Left]:
    """Give what upstreams keep: packages. Their indexes go with the next that they publish."""
    yield from (Left(one.upstream, one.path, one.digest) for one in lock.artifacts if not one.built)
    for one in wholes(lock):
        indexes = {file.digest for file in one.files}
        tree = read_whole(store, one).tree
        yield from (Left(one.name, path, digest) for path, digest in tree.items() if digest not in indexes)


def _has(depot: Depot, one: Left) -> bool:
    try:
        about = depot.source(depot.config.upstream(one.upstream)).about(one.path)
    except CudepotError:
        return False
    return about.size in (-1, one.digest.size)


class _Saved:
    """A file of the project or of the store: its bytes where it is small or grows, else where it is."""

    def __init__(self, path: Path, *, grows: bool = False) -> None:
        self._path = path
        with storage_errors(path), path.open("rb") as handle:
            small = grows or path.stat().st_size <= _SMALL
            self._bytes = handle.read() if small else None
            self.digest = Digest.of_stream(handle) if self._bytes is None else Digest.of(self._bytes)

    def chunks(self) -> Iterator[bytes]:
        if self._bytes is not None:
            yield self._bytes
            return
        with self._path.open("rb") as handle:
            reader = VerifyingReader(handle, self.digest, str(self._path))
            yield from iter(lambda: reader.read(CHUNK), b"")


class _Small(_Saved):
    """A file that is written for a backup."""

    def __init__(self, data: bytes) -> None:
        self._bytes, self.digest = data, Digest.of(data)


def _state(store: LocalStore) -> dict[str, _Saved]:
    """Return path → file of what the store keeps beside its objects."""
    found: dict[str, _Saved] = {}
    for entry in layout.LAYOUT:
        place = store.at(entry)
        if entry in _NOT_KEPT:
            continue
        files = [one for one in place.rglob("*") if one.is_file()] if place.is_dir() else [place]
        files += [place.with_name(f"{place.name}.1")] if entry == layout.LOG else []
        for one in files:
            if one.is_file():
                found[str(one.relative_to(store.root))] = _Saved(one, grows=entry == layout.LOG)
    if store.elsewhere:  # whoever restores it is another working copy of the bucket
        found[layout.BUCKET.name] = _Small(json.dumps(sealed({"bucket": store.elsewhere})).encode())
    return dict(sorted(found.items()))


def _own(files: ProjectFiles, file: Path) -> dict[str, _Saved]:
    """Return path → file of the project; no backup is in one, else each would hold all earlier ones."""
    this = (file.resolve(), file.with_name(f"{file.name}.part").resolve())
    return {
        path: _Saved(one)
        for path, one in sorted(files.files.items())
        if one.resolve() not in this and not is_backup(one)
    }


def _keys(depot: Depot) -> str:
    """Return the site's public keys, armored; none where this project signs nothing: they are files of the project."""
    from cudepot.signing.gpg import GpgSigner  # noqa: PLC0415 - takes a while to load

    site = depot.config.site
    if site.origin:
        return ""
    keys = [GpgSigner(depot.base / site.gnupg, one) for one in (site.key, *site.former_keys)]
    return "".join(one.public_key(armor=True).decode() for one in keys)


def _write(depot: Depot, file: Path, made: Backup, small: Mapping[Digest, _Saved]) -> str:
    """Write the file and return its sha256."""
    document = render_backup(made)
    signature = b"" if depot.config.site.origin else depot.signer().detach(document)
    depot.progress.begin(f"writing {file.name}", sum(one.size for one in made.members), len(made.members))

    def chunks(one: Digest) -> Iterator[bytes]:
        yield from small[one].chunks() if one in small else _object(depot.store, one)
        depot.progress.advance(one.size, 1)

    try:
        head = document, signature, sums(document, signature, made.members)
        return write_volume(file, head, made.members, chunks, mode=_PRIVATELY)
    finally:
        depot.progress.end()


def _object(store: LocalStore, one: Digest) -> Iterator[bytes]:
    with store.open(one) as handle:
        reader = VerifyingReader(handle, one, f"object {one.sha256}")
        yield from iter(lambda: reader.read(CHUNK), b"")


def _counted(left: Iterable[Left]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for one in left:
        count, size = found.get(one.upstream, (0, 0))
        found[one.upstream] = (count + 1, size + one.digest.size)
    return dict(sorted(found.items()))


def _outside(depot: Depot) -> Iterator[str]:
    for one in depot.config.upstreams:
        if one.path and not (depot.base / one.path).resolve().is_relative_to(depot.base):
            yield one.path
