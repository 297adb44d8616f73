"""``cudepot kit write``: cudepot with all it needs as a folder of wheels with hashed requirements, and as debs.

What is taken is an environment of the lock, so versions, hashes and targets are decided where all others are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cudepot import __version__
from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.graph import by_place, files_of
from cudepot.depot.depot import Depot
from cudepot.depot.locked import load_lock
from cudepot.depot.room import Need, Room, check_rooms, rooms, warnings
from cudepot.depot.signatures import kept_signature
from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError
from cudepot.store.local import LocalStore
from cudepot.transport.volumes import volume_file
from cudepot.workflows.kit.own_wheel import OwnWheel
from cudepot.workflows.kit.system_package import package_name, system_package

WHEELHOUSE = "wheelhouse"


@dataclass(frozen=True, slots=True)
class KitResult:
    """What was written.

    Attributes:
        folder: where.
        targets: of the environment: platform and Python.
        files: names of all files, with SHA256SUMS and its signature last.
        bytes: what they take together; in a dry run without the debs.
        room: of a dry run: what the disk has to take; debs are counted as their wheels are.
    """

    folder: str
    targets: tuple[str, ...]
    files: tuple[str, ...]
    bytes: int
    room: tuple[Room, ...] = ()


class _Folder:
    """The folder of a kit: what is put there, unless nothing is to be written.

    Attributes:
        written: path → digest of all files.
    """

    def __init__(self, path: Path, *, dry_run: bool) -> None:
        self._path, self._dry = path, dry_run
        self.written: dict[str, Digest] = {}

    def put(self, name: str, data: bytes) -> None:
        """Write a file."""
        self.written[name] = Digest.of(data)
        if not self._dry:
            write_atomic(self._path / name, data)

    def copy(self, name: str, store: LocalStore, digest: Digest) -> None:
        """Write an object of the store; raise ConfigError when it is not there, TrustError when it is damaged."""
        if not store.has(digest):
            raise ConfigError(f"{name} is not in the store", hint="run `cudepot sync` first")
        self.written[name] = digest
        if not self._dry and not _holds(self._path / name, digest):
            with volume_file(self._path / name) as out, store.open(digest) as handle:
                checked = VerifyingReader(handle, digest, name)
                while chunk := checked.read(CHUNK):
                    out.write(chunk)


def write_kit(
    depot: Depot, folder: Path, name: str, own: OwnWheel, *, debs: bool = True, dry_run: bool = False
) -> KitResult:
    """Write the kit of an environment.

    Args:
        depot: its store has the wheels.
        folder: where to; what lies there under other names stays.
        name: of the environment that has cudepot's requirements.
        own: cudepot's own wheel.
        debs: whether to make a deb for each target as well.
        dry_run: write nothing, and put no deb together.

    Raises:
        ConfigError: there is no such environment, it lacks one of cudepot's requirements, or `sync` has to run first.
        TrustError: a wheel in the store is damaged.
        NoRoomError: the wheels do not fit.
        StorageError: the disk refuses.
    """
    lock, out = load_lock(depot.lock_path), _Folder(folder, dry_run=dry_run)
    environment = _environment(lock, name)
    artifacts = by_place(lock.artifacts)
    packages = {one: list(files_of(one, artifacts).values()) for one in environment.targets}
    for target, wheels in packages.items():
        _check_complete(target, wheels, own)
    room = _rooms(depot, folder, packages, debs=debs, dry_run=dry_run)
    out.put(f"{WHEELHOUSE}/{own.name}", own.data)
    for target, wheels in packages.items():
        for one in wheels:
            out.copy(f"{WHEELHOUSE}/{one.filename}", depot.store, one.digest)
        out.put(f"requirements-{target.name}.txt", requirements(target, artifacts, own).encode())
    promised = [package_name(one) for one in environment.targets] if debs else []
    for target, wheels in packages.items() if debs and not dry_run else ():
        depot.progress.step(f"writing the deb of {target.name}")
        paths = [depot.store.path(one.digest) for one in wheels]
        out.put(package_name(target), system_package(target, paths, own, depot.epoch))
    _sign(depot, out, dry_run=dry_run)
    targets = tuple(one.name for one in environment.targets)
    files = tuple(dict.fromkeys([*promised, *out.written]))
    return KitResult(str(folder), targets, files, sum(one.size for one in out.written.values()), room)


def _rooms(
    depot: Depot, folder: Path, packages: Mapping[LockedTarget, Sequence[Artifact]], *, debs: bool, dry_run: bool
) -> tuple[Room, ...]:
    """Return what a dry run tells; else refuse where the wheels have no room, and warn where the debs may have none."""
    wheels = {one.filename: one.digest.size for each in packages.values() for one in each}
    there = sum(size for name, size in wheels.items() if _size(folder / WHEELHOUSE / name) == size)
    sure = sum(wheels.values()) - there
    about = sum(one.digest.size for each in packages.values() for one in each) if debs else 0
    room = rooms([Need(folder, sure + about)])
    if dry_run:
        return room
    check_rooms(rooms([Need(folder, sure)]))
    for line in warnings(room):
        depot.progress.say(line)
    return ()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _sign(depot: Depot, out: _Folder, *, dry_run: bool) -> None:
    sums = "".join(f"{one.sha256}  {path}\n" for path, one in sorted(out.written.items())).encode()
    what = "SHA256SUMS of the kit"
    signature = kept_signature(sums, depot.signing, depot.site_verifier, what, dry_run=dry_run)
    out.put("SHA256SUMS", sums)
    out.put("SHA256SUMS.asc", signature)


def requirements(target: LockedTarget, artifacts: Mapping[tuple[str, str], Artifact], own: OwnWheel) -> str:
    """Return what pip installs: every version exact, every file by hash, none but those of the folder of wheels."""
    lines = [f"# cudepot {__version__} for {target.name}: run pip in the folder of this file"]
    lines += ["--no-index", f"--find-links {WHEELHOUSE}", "--require-hashes"]
    lines.append(f"cudepot=={__version__} --hash=sha256:{Digest.of(own.data).sha256}")
    for member, one in files_of(target, artifacts).items():
        condition = f" ; {member.marker}" if member.marker else ""
        lines.append(f"{canonicalize_name(one.name)}=={one.version}{condition} --hash=sha256:{one.digest.sha256}")
    return "\n".join([*lines, ""])


def _environment(lock: Lock, name: str) -> LockedEnvironment:
    for one in lock.environments:
        if one.name == name:
            return one
    raise ConfigError(
        f"no environment named {name!r} is locked",
        hint="`cudepot kit requirements` prints what it must contain; see `cudepot explain airgap`",
    )


def _check_complete(target: LockedTarget, wheels: Sequence[Artifact], own: OwnWheel) -> None:
    """Refuse an environment that was made for an older cudepot, or for something else."""
    there = {str(canonicalize_name(one.name)) for one in wheels}
    lacking = sorted({str(canonicalize_name(Requirement(line).name)) for line in own.requires} - there)
    if lacking or any(not one.filename.endswith(".whl") for one in wheels):
        raise ConfigError(
            f"{target.name}: lacks {', '.join(lacking) or 'wheels'}, which cudepot {__version__} needs",
            hint="write the output of `cudepot kit requirements` to the environment's file again, then run lock "
            "and sync",
        )


def _holds(path: Path, digest: Digest) -> bool:
    if not path.is_file() or path.stat().st_size != digest.size:
        return False
    with path.open("rb") as handle:
        return Digest.of_stream(handle) == digest
