"""Puts everything that a backup has into an empty folder, and never over something else.

The files of the project come last and cudepot.toml the very last, so that a run that was killed is simply repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.disk import storage_errors, write_chunks
from cudepot.errors import ConfigError, TrustError
from cudepot.formats.guarded import sliced
from cudepot.ports import Progress
from cudepot.store.layout import MANIFESTS, PROMOTIONS, SNAPSHOTS
from cudepot.store.local import LocalStore
from cudepot.workflows.backup.opened import DAMAGED, Opened
from cudepot.workflows.backup.project_files import FILE, FOLDER
from cudepot.workflows.bundle.volume import take_member

TOML = "cudepot.toml"
_ELSEWHERE = "restore into an empty folder, with -C"
_KEYS, _KEY = "private-keys", 0o600
_FOR_GOOD = tuple(f"{one.name}/" for one in (SNAPSHOTS, PROMOTIONS, *MANIFESTS))


def unpack_backup(opened: Opened, base: Path, progress: Progress) -> tuple[str, ...]:
    """Put everything into a folder; what a run before put there is not written again.

    Returns:
        Files of the project that have changed since it was restored, and stay as they are.

    Raises:
        ConfigError: there is another project, other files, or this project, and it has newer snapshots.
        TrustError: a member is not what its name says.
    """
    manifest, toml = opened.manifest, base / TOML
    again = toml.exists()
    if again and Digest.of(toml.read_bytes()) != manifest.project.get(TOML):
        raise ConfigError(f"{toml}: there is another project here", hint=_ELSEWHERE)
    base.mkdir(parents=True, exist_ok=True)
    kept = _differing(base, manifest.project)
    records = _differing(base / manifest.store, manifest.state)
    _check_links(base, manifest.links)
    if (kept or records) and not again:
        first = base / kept[0] if kept else base / manifest.store / records[0]
        raise ConfigError(f"{first}: is there already, and is not what the backup has", hint=_ELSEWHERE)
    store = LocalStore(base / manifest.store, create=True)
    with store.locked(said=progress.say):
        _check_not_newer(store, opened)
        _objects(opened, store, progress)
        state = _state(manifest.state, lives=again and bool(store.snapshots.numbers()))
        for name, digest in _lacking(store.root, state):
            _write(opened, digest, store.root / name, 0o444 if name.startswith(_FOR_GOOD) else FILE)
    if not again:
        _project(opened, base)
    return tuple(kept)


def _state(saved: Mapping[str, Digest], *, lives: bool) -> Mapping[str, Digest]:
    """Return what the store gets, what is kept for good last; of a store that lives nothing else.

    A rollback that was released since, say, would hold again. Whoever lost the store alone has no snapshots there.
    """
    ordered = sorted(saved.items(), key=lambda one: one[0].startswith(_FOR_GOOD))
    return {name: one for name, one in ordered if not lives or name.startswith(_FOR_GOOD)}


def _project(opened: Opened, base: Path) -> None:
    """Write the project's files with the permissions they had, then links and folders, and cudepot.toml last."""
    manifest = opened.manifest
    _folders(base, (*manifest.project, *manifest.links))
    ordered = sorted(_lacking(base, manifest.project), key=lambda one: one[0] == TOML)
    for name, digest in ordered:
        if name == TOML:
            _links_and_folders(opened, base)
        mode = manifest.modes.get(name, FILE)
        _write(opened, digest, base / name, mode & _KEY if _KEYS in name else mode)


def _folders(base: Path, names: Iterable[str]) -> None:
    """Make the folders that are missing, with the usual permissions whatever the umask is."""
    every = {folder for name in names for folder in Path(name).parents if folder != Path()}
    with storage_errors(base):
        for folder in sorted(every):
            if not (base / folder).is_dir():
                (base / folder).mkdir()
                (base / folder).chmod(FOLDER)


def _links_and_folders(opened: Opened, base: Path) -> None:
    """Make links, and give folders the permissions they had: those below first, for one may forbid writing."""
    manifest = opened.manifest
    with storage_errors(base):
        for name, target in manifest.links.items():
            if not (base / name).is_symlink():
                (base / name).symlink_to(target)
        for name in sorted(manifest.modes.keys() - manifest.project.keys(), reverse=True):
            (base / name).mkdir(parents=True, exist_ok=True)
            (base / name).chmod(manifest.modes[name])


def _differing(base: Path, files: Mapping[str, Digest]) -> list[str]:
    """Return which files are there with another content; refuse to go through a link that leads elsewhere."""
    found = []
    for name, digest in files.items():
        target = base / name
        if not target.parent.resolve().is_relative_to(base.resolve()):
            raise ConfigError(f"{target.parent}: leads out of {base}", hint=_ELSEWHERE)
        if target.is_symlink() or (target.exists() and not _is(target, digest)):
            found.append(name)
    return sorted(found)


def _is(path: Path, digest: Digest) -> bool:
    if not path.is_file() or path.stat().st_size != digest.size:
        return False
    with storage_errors(path), path.open("rb") as handle:
        return Digest.of_stream(handle) == digest


def _check_links(base: Path, links: Mapping[str, str]) -> None:
    for name, target in links.items():
        path = base / name
        if path.is_symlink() and str(path.readlink()) == target:
            continue
        if path.is_symlink() or path.exists():
            raise ConfigError(f"{path}: is there already, and is not what the backup has", hint=_ELSEWHERE)


def _lacking(base: Path, files: Mapping[str, Digest]) -> Iterator[tuple[str, Digest]]:
    yield from ((name, digest) for name, digest in files.items() if not (base / name).exists())


def _check_not_newer(store: LocalStore, opened: Opened) -> None:
    """Refuse to put old records beside those of a project that went on after it was saved; raise ConfigError."""
    saved = {Path(one).stem for one in opened.manifest.state if one.startswith(f"{SNAPSHOTS.name}/")}
    newer = [one for one in store.snapshots.numbers() if f"{one:06d}" not in saved]
    if newer and opened.manifest.state:  # else the store was in a bucket, of which these are a working copy
        raise ConfigError(f"{store.root}: has snapshot {newer[-1]}, which is newer than the backup", hint=_ELSEWHERE)


def _objects(opened: Opened, store: LocalStore, progress: Progress) -> None:
    missing = [one for one in opened.manifest.objects if not store.has(one)]
    progress.begin(f"reading {opened.path.name}", sum(one.size for one in missing), len(missing))
    try:
        for one in missing:
            take_member(opened.path, opened.members[one.sha256], store, progress)
        store.settle()
    except TrustError as error:
        raise TrustError(str(error), hint=DAMAGED) from error
    finally:
        progress.end()


def _write(opened: Opened, digest: Digest, target: Path, mode: int) -> None:
    """Write one file, hashed on the way; it appears when it is complete, and with its permissions."""
    member = opened.members[digest.sha256]
    with opened.path.open("rb") as handle:
        handle.seek(member.offset)
        reader = VerifyingReader(sliced(handle, member.size, str(opened.path)), digest, str(target))
        try:
            write_chunks(target, iter(lambda: reader.read(CHUNK), b""), mode=mode)
        except TrustError as error:
            raise TrustError(f"{opened.path}: {target.name} is not what its name says", hint=DAMAGED) from error
