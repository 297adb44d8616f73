"""``cudepot verify PACKAGE``: follow every file of a package back to the artifacts in the lock, by its bytes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cudepot.catalog.lock import Lock
from cudepot.depot.builds import Job, jobs_of, origins_of, records
from cudepot.depot.depot import Depot
from cudepot.depot.locked import load_lock
from cudepot.digest import Digest
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError
from cudepot.formats.conda_read import read_conda
from cudepot.formats.guarded import unpacked_limit
from cudepot.formats.members import Members
from cudepot.formats.sbom import Origin
from cudepot.formats.wheel_read import read_wheel
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.workflows.build.unpack import members

_OWN = ("info/", ".dist-info/")


@dataclass(frozen=True, slots=True)
class Traced:
    """One file of a package, and the artifact's member that has the same bytes; both empty where none has."""

    path: str
    sha256: str
    artifact: str
    member: str


@dataclass(frozen=True, slots=True)
class PackageReport:
    """What was found about one package.

    Attributes:
        digest: of the package itself.
        built: whether this store has a record that it built exactly these bytes.
        job: the build whose artifacts hold the files.
        origins: the artifacts that hold them, with upstream and signers.
        files: every file NVIDIA's; cudepot's own metadata (``info/``, ``.dist-info/``) but for the licence left out.
        faults: what does not lead back.
    """

    package: str
    digest: Digest
    built: bool
    job: str
    origins: tuple[Origin, ...] = ()
    files: tuple[Traced, ...] = ()
    faults: tuple[str, ...] = field(default=())


def verify_package(depot: Depot, path: Path) -> PackageReport:
    """Hash every file of a package and every member of the artifacts it was made of, and compare.

    Nothing the package says about itself is believed: the job is found by the bytes of the package in the build
    records, else by the files.

    Raises:
        ConfigError: not the name of a conda package or wheel, or no lock.
        StorageError: an artifact is not in the store.
        TrustError: an artifact in the store is not what the lock says.
    """
    lock = load_lock(depot.lock_path)
    files, digest = _read(path)
    made = [job for _, job, built in records(depot.store) if any(one.digest == digest for one in built)]
    best: PackageReport | None = None
    for job in sorted(_likely(lock, path.name), key=lambda each: str(each) not in made):
        report = _compared(depot, lock, job, path, digest, files, built=str(job) in made)
        if not report.faults:
            return report
        if best is None or len(report.faults) < len(best.faults):
            best = report
    missing = f"cudepot.lock has no artifact of a release {path.name} could be built from"
    return best or PackageReport(str(path), digest, bool(made), "", faults=(missing,))


def _read(path: Path) -> tuple[Mapping[str, Digest | str], Digest]:
    """Return what a package holds: content of a file, target of a link; and the package's own digest."""
    readers = {".conda": read_conda, ".whl": read_wheel}
    if path.suffix not in readers:
        raise ConfigError(f"{path}: not a conda package's or a wheel's file name", hint="it must end in .conda or .whl")
    if not path.is_file():
        raise ConfigError(f"{path}: no such file", hint="name a package on this machine")
    with storage_errors(path), path.open("rb") as handle:
        digest = Digest.of_stream(handle)
        handle.seek(0)
        limit = unpacked_limit(digest.size)
        return dict(_hashed(readers[path.suffix](handle, limit=limit, what=path.name))), digest


def _hashed(found: Members) -> Iterator[tuple[str, Digest | str]]:
    for member, stream in found:
        yield member.name, member.link if stream is None else Digest.of_stream(stream)


def _likely(lock: Lock, filename: str) -> Iterator[Job]:
    """Give the jobs of the release whose version a package's name has; a cudatoolkit has its CUDA's."""
    for job in jobs_of(lock):
        version = job.release.cuda if job.release.product == "cudatoolkit" else job.release.version
        if f"-{version}" in filename:
            yield job


def _compared(
    depot: Depot,
    lock: Lock,
    job: Job,
    path: Path,
    digest: Digest,
    files: Mapping[str, Digest | str],
    *,
    built: bool,
) -> PackageReport:
    sources = _sources(depot.store, depot.progress, job)
    traced, faults = [], []
    for name, content in sorted(files.items()):
        if _is_own(name):
            continue
        if isinstance(content, str):
            if not _leads_somewhere(name, content, files):
                faults.append(f"{name}: a link to {content}, which neither this package nor a sibling of it has")
            continue
        artifact, member = sources.get(content, ("", ""))
        traced.append(Traced(name, content.sha256, artifact, member))
        if not member:
            faults.append(f"{name}: no artifact of {job} has a member with sha256 {content.sha256}")
    if not any(one.member for one in traced) and not faults and not _is_meta(files):
        faults.append("holds no file of the release")
    return PackageReport(str(path), digest, built, str(job), origins_of(lock, job), tuple(traced), tuple(faults))


def _sources(store: LocalStore, progress: Progress, job: Job) -> dict[Digest, tuple[str, str]]:
    """Return content → (artifact, member) of everything the artifacts of a job hold; the first member is told."""
    found: dict[Digest, tuple[str, str]] = {}
    progress.begin(f"hashing {job}", sum(one.digest.size for one in job.artifacts))
    try:
        for artifact in job.artifacts:
            with store.open(artifact.digest) as handle:
                for name, content in _hashed(members(artifact, handle, progress.advance)):
                    if isinstance(content, Digest):
                        found.setdefault(content, (artifact.filename, name))
    finally:
        progress.end()
    return found


def _is_own(name: str) -> bool:
    """Return whether cudepot wrote the file: all metadata but the licence text."""
    return any(part in name for part in _OWN) and "/licenses/" not in name


def _is_meta(files: Mapping[str, Digest | str]) -> bool:
    return all(name.startswith("info/") for name in files)


def _leads_somewhere(name: str, target: str, files: Mapping[str, Digest | str]) -> bool:
    """Return whether a link's target is in the package, or a library that the package it depends on has."""
    there = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    return there in files or ("/" not in target and ".so" in target)


def all_reports(depot: Depot, paths: Sequence[Path]) -> tuple[PackageReport, ...]:
    """Return a report on each package."""
    return tuple(verify_package(depot, path) for path in paths)
