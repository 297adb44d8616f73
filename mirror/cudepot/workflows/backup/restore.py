"""``cudepot restore``: make a project of a backup on an empty machine, fetch the rest again, and show the same site.

The files of the project come last and cudepot.toml the very last, so that a run that was killed is simply repeated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cudepot.catalog.site.backup import Backup, parse_backup
from cudepot.catalog.site.bundle import sums
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.fetch_locked import Missing, fetch_locked
from cudepot.digest import Digest
from cudepot.disk import storage_errors, write_atomic
from cudepot.errors import ConfigError, CudepotError, FormatError, TrustError
from cudepot.formats.bundle_tar import FIRST, LIMITS, Member, members
from cudepot.ports import Inspectable, Progress
from cudepot.signing.gpg import has_private_key, import_keys
from cudepot.signing.gpgv import Gpgv
from cudepot.signing.keys import read_keys
from cudepot.store.layout import MANIFESTS, PROMOTIONS, SNAPSHOTS
from cudepot.store.local import LocalStore
from cudepot.temporary import temporary_folder
from cudepot.workflows.bundle.volume import take_member
from cudepot.workflows.edge.on_site import on_site
from cudepot.workflows.publish.from_site import from_site
from cudepot.workflows.publish.make_snapshot import is_there, switch_on, write_on

_HINT = "it was damaged on its way, or is no backup: copy it again"
TOML = "cudepot.toml"
_FOR_GOOD = tuple(f"{one.name}/" for one in (SNAPSHOTS, PROMOTIONS, *MANIFESTS))


class Opened(NamedTuple):
    """A backup whose manifest was signed by the key that is expected: the file, the manifest, and its members."""

    path: Path
    manifest: Backup
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What restoring did.

    Attributes:
        fetched, fetched_bytes: objects that came from the site or upstreams.
        lacking: what could not be fetched again, by a path of the site or of an upstream, and why.
        shown: channel → snapshot shown again.
        not_shown: channel → why it is not.
        notes: what is left to do.
    """

    fetched: int
    fetched_bytes: int
    lacking: tuple[str, ...]
    shown: Mapping[str, int]
    not_shown: Mapping[str, str]
    notes: tuple[str, ...]


def open_backup(path: Path, key: str) -> Opened:
    """Read the head of a backup; of what is not signed by ``key`` nothing but the keys it names is looked at.

    Raises:
        ConfigError: not there, or no key is given.
        FormatError: cut, damaged, or no backup.
        TrustError: signed by another key.
    """
    try:
        with path.open("rb") as handle:
            found = list(members(handle, str(path)))
            if [one.name for one in found[: len(FIRST)]] != list(FIRST):
                raise FormatError(f"{path}: does not begin as a backup does", hint=_HINT)
            document, signature, listed = (_read(handle, one) for one in found[: len(FIRST)])
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the backup: {error.strerror}", hint="check the name") from error
    manifest = parse_backup(document, str(path))
    _check(path, manifest, key, document, signature)
    if listed != sums(document, signature, manifest.members):
        raise FormatError(f"{path}: its members are not those of its manifest", hint=_HINT)
    there = {one.sha256: one for one in found[len(FIRST) :]}
    if {(one.sha256, one.size) for one in manifest.members} != {(one.sha256, one.size) for one in there.values()}:
        raise FormatError(f"{path}: its members are not those of its manifest", hint=_HINT)
    return Opened(path, manifest, there)


def _read(handle: BinaryIO, member: Member) -> bytes:
    if member.size > LIMITS[member.name]:
        raise FormatError(f"{member.name} has {member.size} bytes, more than is believable", hint=_HINT)
    handle.seek(member.offset)
    return handle.read(member.size)


def _check(path: Path, manifest: Backup, key: str, document: bytes, signature: bytes) -> None:
    if not key:
        raise ConfigError(
            f"{path}: says that it was signed by {manifest.signer}",
            hint="compare that with the fingerprint you know your site by, then give it as --key",
        )
    with temporary_folder() as folder:
        file = folder / "keys.asc"
        file.write_text(manifest.keys)
        if key not in [one.fingerprint for one in read_keys(file)]:
            raise TrustError(f"{path}: is not of the site with the key {key}", hint=f"it says {manifest.signer}")
        Gpgv([file], [key], pin_with="--key").detached(document, signature, str(path))


def unpack_backup(opened: Opened, base: Path, progress: Progress) -> None:
    """Put everything that a backup has into an empty folder; what a run before put there is not written again.

    Raises:
        ConfigError: there is another project, or this one, and it has newer snapshots.
        TrustError: a member is not what its name says.
    """
    manifest, toml = opened.manifest, base / TOML
    if toml.exists() and Digest.of(toml.read_bytes()) != manifest.project.get(TOML):
        raise ConfigError(f"{toml}: there is another project here", hint="restore into an empty folder, with -C")
    base.mkdir(parents=True, exist_ok=True)
    store = LocalStore(base / manifest.store, create=True)
    with store.locked(said=progress.say):
        _check_not_newer(store, manifest)
        _objects(opened, store, progress)
        for name, digest in manifest.state.items():
            _write(opened, digest, store.root / name, 0o444 if name.startswith(_FOR_GOOD) else 0o644)
    for name, digest in sorted(manifest.project.items(), key=lambda one: one[0] == TOML):
        _write(opened, digest, base / name, 0o600 if "private-keys" in name else 0o644)


def _check_not_newer(store: LocalStore, manifest: Backup) -> None:
    """Refuse to put old records over those of a project that went on after it was saved; raise ConfigError."""
    saved = {Path(one).stem for one in manifest.state if one.startswith(f"{SNAPSHOTS.name}/")}
    newer = [one for one in store.snapshots.numbers() if f"{one:06d}" not in saved]
    if newer:
        raise ConfigError(
            f"{store.root}: has snapshot {newer[-1]}, which is newer than the backup",
            hint="restore into an empty folder, with -C",
        )


def _objects(opened: Opened, store: LocalStore, progress: Progress) -> None:
    missing = [one for one in opened.manifest.objects if not store.has(one)]
    progress.begin(f"reading {opened.path.name}", sum(one.size for one in missing), len(missing))
    try:
        for one in missing:
            take_member(opened.path, opened.members[one.sha256], store, progress)
        store.settle()
    finally:
        progress.end()


def _write(opened: Opened, digest: Digest, target: Path, mode: int) -> None:
    member = opened.members[digest.sha256]
    with opened.path.open("rb") as handle:
        handle.seek(member.offset)
        data = handle.read(member.size)
    if Digest.of(data) != digest:
        raise TrustError(f"{opened.path}: {target.name} is not what its name says", hint=_HINT)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != data:
            write_atomic(target, data, mode=mode)


def restore_keys(opened: Opened, base: Path, gnupg: str) -> None:
    """Put the site's public keys where its signatures are checked; the private one is no part of most backups."""
    import_keys(base / gnupg, opened.manifest.keys.encode())


def complete(depot: Depot, manifest: Backup, *, wait: float) -> RestoreResult:
    """Fetch what the backup left out, from the site where that is still there, else from upstreams; show the site."""
    wanted = {one.digest: one for one in manifest.left if not depot.store.has(one.digest)}
    _from_site(depot, set(wanted))
    left = [one for one in wanted.values() if not depot.store.has(one.digest)]
    known = {one.name for one in depot.config.upstreams}
    files = [Missing(*one) for one in left if one.upstream in known]
    refused = fetch_locked(depot, {one.upstream: None for one in files}, files, wait=wait)
    failed = {one.path: str(one.error) for one in refused}
    lacking = [one for one in wanted.values() if not depot.store.has(one.digest)]
    came = [one for one in wanted if depot.store.has(one)]
    shown, not_shown = _shown(depot, manifest)
    told = tuple(f"{one.upstream}: {one.path}: {failed.get(one.path, 'no upstream of that name')}" for one in lacking)
    return RestoreResult(len(came), sum(one.size for one in came), told, shown, not_shown, tuple(_notes(depot)))


def _from_site(depot: Depot, wanted: set[Digest]) -> None:
    """Bring back what the site still shows: a bucket outlives the machine that filled it."""
    for name in depot.config.site.channels or ("",):
        with contextlib.suppress(CudepotError):  # a site that cannot be read has nothing for us
            site = depot.in_channel(name).inspectable()
            number = site.current()
            if number in depot.history.numbers():
                _files_of(depot, site, depot.history.load(number), wanted)


def _files_of(depot: Depot, site: Inspectable, shown: Snapshot, wanted: set[Digest]) -> None:
    paths = {digest: path for path, digest in shown.tree.items() if digest in wanted}
    for digest, path in paths.items():
        if not depot.store.has(digest):
            from_site(depot.store, site, shown, path, digest)


def _shown(depot: Depot, manifest: Backup) -> tuple[dict[str, int], dict[str, str]]:
    """Show what each channel showed; return those that show it, and why others do not."""
    shown: dict[str, int] = {}
    failed: dict[str, str] = {}
    for channel, number in sorted(manifest.shown.items()):
        try:
            _show(depot.in_channel(channel).inspectable(), depot, number)
            shown[channel] = number
        except CudepotError as error:
            failed[channel] = str(error)
    return shown, failed


def _show(site: Inspectable, depot: Depot, number: int) -> None:
    whole = on_site(depot.store, depot.config.site, depot.history.load(number))
    if site.current() == number and is_there(site, whole):
        return
    missing = [path for path, digest in whole.snapshot.tree.items() if not depot.store.has(digest)]
    if missing:
        raise ConfigError(f"{len(missing)} files of snapshot {number} are lost, {missing[0]} for one", hint="")
    write_on(depot, site, whole)
    switch_on(depot, site, number)


def _notes(depot: Depot) -> Iterator[str]:
    """Give a line for each thing that only somebody can do."""
    site = depot.config.site
    if site.key and not has_private_key(depot.base / site.gnupg, site.key):
        home = depot.base / site.gnupg
        yield f"the private key is not here, so nothing can be published: gpg --homedir {home} --import FILE"
    for one in depot.config.upstreams:
        if one.path and not (depot.base / one.path).exists():
            yield f"{one.name}: {one.path} is not here: put the folder back before the next `cudepot lock`"
