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
from cudepot.depot.signatures import kept_signature
from cudepot.digest import CHUNK, Digest
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.transport.volumes import volume_file
from cudepot.workflows.kit.own_wheel import OwnWheel, own_wheel
from cudepot.workflows.kit.system_package import system_package

WHEELHOUSE = "wheelhouse"


@dataclass(frozen=True, slots=True)
class KitResult:
    """What was written.

    Attributes:
        folder: where.
        targets: of the environment: platform and Python.
        files: names of all files, with SHA256SUMS and its signature last.
        bytes: what they take together.
    """

    folder: str
    targets: tuple[str, ...]
    files: tuple[str, ...]
    bytes: int


def write_kit(depot: Depot, folder: Path, name: str, *, debs: bool = True) -> KitResult:
    """Write the kit of an environment.

    Args:
        depot: its store has the wheels.
        folder: where to; what lies there under other names stays.
        name: of the environment that has cudepot's requirements.
        debs: whether to make a deb for each target as well.

    Raises:
        ConfigError: there is no such environment, it lacks one of cudepot's requirements, or `sync` has to run first.
        StorageError: the disk refuses.
    """
    lock, own = load_lock(depot.lock_path), own_wheel()
    environment = _environment(lock, name)
    artifacts, written = by_place(lock.artifacts), dict[str, Digest]()
    written[f"{WHEELHOUSE}/{own.name}"] = _put(folder / WHEELHOUSE / own.name, own.data)
    for target in environment.targets:
        wheels = list(files_of(target, artifacts).values())
        _check_complete(target, wheels, own)
        for one in wheels:
            written[f"{WHEELHOUSE}/{one.filename}"] = _copied(depot.store, one, folder / WHEELHOUSE / one.filename)
        text = f"requirements-{target.name}.txt"
        written[text] = _put(folder / text, requirements(target, artifacts, own).encode())
        if debs:
            written |= _deb(depot.store, depot.progress, folder, target, wheels, own, depot.epoch)
    sums = "".join(f"{one.sha256}  {path}\n" for path, one in sorted(written.items())).encode()
    signature = kept_signature(sums, depot.signing, depot.site_verifier, "SHA256SUMS of the kit")
    for path, data in (("SHA256SUMS", sums), ("SHA256SUMS.asc", signature)):
        written[path] = _put(folder / path, data)
    targets = tuple(one.name for one in environment.targets)
    return KitResult(str(folder), targets, tuple(written), sum(one.size for one in written.values()))


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
        f"no environment called {name!r} is locked",
        hint="`cudepot kit requirements` says what it has to ask for; see `cudepot explain airgap`",
    )


def _check_complete(target: LockedTarget, wheels: Sequence[Artifact], own: OwnWheel) -> None:
    """Refuse an environment that was made for an older cudepot, or for something else."""
    there = {str(canonicalize_name(one.name)) for one in wheels}
    lacking = sorted({str(canonicalize_name(Requirement(line).name)) for line in own.requires} - there)
    if lacking or any(not one.filename.endswith(".whl") for one in wheels):
        raise ConfigError(
            f"{target.name}: lacks {', '.join(lacking) or 'wheels'}, which cudepot {__version__} needs",
            hint="write `cudepot kit requirements` into the environment's file again, then lock and sync",
        )


def _put(path: Path, data: bytes) -> Digest:
    write_atomic(path, data)
    return Digest.of(data)


def _copied(store: LocalStore, one: Artifact, path: Path) -> Digest:
    if not store.has(one.digest):
        raise ConfigError(f"{one.filename} is not in the store", hint="run `cudepot sync` first")
    if not path.is_file() or path.stat().st_size != one.digest.size or _digest_of(path) != one.digest:
        with volume_file(path) as out, store.open(one.digest) as handle:
            while chunk := handle.read(CHUNK):
                out.write(chunk)
    return one.digest


def _digest_of(path: Path) -> Digest:
    with path.open("rb") as handle:
        return Digest.of_stream(handle)


def _deb(
    store: LocalStore,
    progress: Progress,
    folder: Path,
    target: LockedTarget,
    wheels: Sequence[Artifact],
    own: OwnWheel,
    epoch: int,
) -> dict[str, Digest]:
    progress.step(f"writing the deb of {target.name}")
    package = system_package(target, [store.path(one.digest) for one in wheels], own, epoch)
    return {package.name: _put(folder / package.name, package.data)}
