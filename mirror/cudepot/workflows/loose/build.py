"""``cudepot build``: make conda packages and wheels from a user's files, in a project that exists only for the run.

It is the project's own path, from `lock` to `repackage`, so that the same files give the same bytes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Lock
from cudepot.catalog.nvidia.repackaged import LackingError, UnknownCudaError
from cudepot.depot.builds import Built, Job, jobs_of
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.depot.nvidia_catalog import doubtful
from cudepot.digest import Digest
from cudepot.disk import check_room, storage_errors, write_atomic
from cudepot.errors import BuildError, CudepotError, FormatError, PinError
from cudepot.formats.conda_index import IndexedPackage, channel_files, read_package
from cudepot.store.local import LocalStore
from cudepot.workflows.build.licences import Terms, Text, UnacceptedError, first_licence, not_accepted, terms_of
from cudepot.workflows.build.repackage import repackage
from cudepot.workflows.lock.lock import make_lock
from cudepot.workflows.sync import sync

_INDEX = "repodata.json"


class Plan(NamedTuple):
    """What can be made of files, and the licences it is under.

    Attributes:
        lock: the files, by hash.
        notes: what is odd about them, a line each.
    """

    lock: Lock
    jobs: tuple[Job, ...]
    terms: tuple[Terms, ...]
    notes: tuple[str, ...]


class Made(NamedTuple):
    """One package that was made."""

    path: Path
    built: Built


@dataclass(frozen=True, slots=True)
class FilesResult:
    """What was made of files, what could not be made and why, and what is to be known of it."""

    made: tuple[Made, ...]
    failed: tuple[Trouble, ...]
    notes: tuple[str, ...]


def planned(depot: Depot) -> Plan:
    """Hash the files that the configuration names and find their licence texts; nothing is unpacked or copied.

    Raises:
        PinError: nothing can be made of one of them.
        FormatError: one is damaged.
    """
    result = make_lock(depot)
    if result.failed:
        raise _retold(result.failed[0].error)
    jobs = tuple(jobs_of(result.lock))
    texts, notes = list[Text](), doubtful(result.lock.artifacts)
    for job in jobs:
        depot.progress.step(f"looking for the licence of {job}")
        try:
            found = first_licence(
                depot.store, depot.recipes, job, lambda one: _file(depot, one.upstream, one.path).open("rb")
            )
        except FormatError as error:
            raise _retold(error) from error
        texts += [Text(job, found)] if found else []
    return Plan(result.lock, jobs, terms_of(result.lock, texts), tuple(notes))


def _file(depot: Depot, upstream: str, path: str) -> Path:
    return depot.base / depot.config.upstream(upstream).path / path


def refusal(terms: Sequence[Terms], files: Iterable[Path]) -> CudepotError:
    """Return the error that asks to accept texts which nobody could be asked about."""
    many = len(terms) > 1
    flags = " ".join(f"--accept-licence {one.digest.sha256}" for one in terms)
    named = shlex.join(map(str, files))
    return UnacceptedError(
        not_accepted(terms),
        hint=f"`cudepot licence show {named}` prints {'them' if many else 'it'}; if you accept "
        f"{'them' if many else 'it'}, run again with {flags}",
        waiting=(),
    )


def built(depot: Depot, plan: Plan, folder: Path, files: Sequence[Path]) -> FilesResult:
    """Make the packages, put them below ``folder``, and write the index that makes it a conda channel.

    Args:
        depot: its configuration has accepted the licences.
        plan: what to make.
        folder: gets wheels; conda packages go into a folder below it, named after their platform.
        files: as they were given, for hints.

    Raises:
        StorageError: the disk refuses.
        BuildError: two files give different packages of one name.
    """
    with storage_errors(folder):
        check_room(depot.store.root, sum(one.digest.size for one in plan.lock.artifacts))
    sync(depot)
    result = repackage(depot, is_channel=False)
    _check_names(result.built)
    with storage_errors(folder):
        made = tuple(_placed(depot.store, one, folder) for one in result.built)
    notes = list(plan.notes)
    if any(one.built.kind == ArtifactKind.CONDA for one in made):
        notes += _index(folder, made)
    failed = tuple(Trouble(one.name, _failure(one.error, files)) for one in result.failed)
    return FilesResult(made, failed, tuple(notes))


def _check_names(built: Sequence[Built]) -> None:
    seen: dict[str, Digest] = {}
    for one in built:
        if seen.setdefault(f"{one.subdir}/{one.filename}", one.digest) != one.digest:
            raise BuildError(
                f"{one.filename}: the files make two packages of this name that differ",
                hint="they are not from one release, or some lack a part of it: build them one at a time",
            )


def _placed(store: LocalStore, one: Built, folder: Path) -> Made:
    """Put a package where it belongs, in place of an older one of that name."""
    target = folder / one.subdir / one.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = target.with_name(f".{one.filename}.tmp")
    temp.unlink(missing_ok=True)
    store.place(one.digest, temp)
    temp.chmod(0o644)
    temp.replace(target)
    return Made(target, one)


def _index(folder: Path, made: Sequence[Made]) -> list[str]:
    """Write the repodata of all packages in the folder; return a line for each that is none."""
    ours = {one.path: one.built for one in made}
    packages, notes = list[IndexedPackage](), []
    for path in sorted(folder.glob("*/*.conda")):
        try:
            packages.append(_read(path, ours.get(path)))
        except FormatError as error:
            notes.append(f"{path}: not in the index: {error}")
    for name, data in channel_files(packages).items():
        if name.endswith(f"/{_INDEX}"):
            write_atomic(folder / name, data)
    return notes


def _read(path: Path, known: Built | None) -> IndexedPackage:
    with path.open("rb") as handle:
        digest = known.digest if known else Digest.of_stream(handle)
        handle.seek(0)
        return read_package(handle, path.parent.name, path.name, digest, known.md5 if known else "")


def _failure(error: CudepotError, files: Sequence[Path]) -> CudepotError:
    """Return an error of a build as it is told where there is no project."""
    if isinstance(error, UnacceptedError):
        return refusal(terms_of(Lock(), error.waiting), files)
    return _retold(error)


def _retold(error: CudepotError) -> CudepotError:
    """Return an error with a hint that speaks of files, not of pins."""
    if isinstance(error, LackingError):
        text = str(error).replace("has a recipe, and nothing pinned holds", "was given, and no file holds")
        return PinError(text, hint=f"put {error.wanted} into the same folder, or pass it as well")
    if isinstance(error, UnknownCudaError):
        return PinError(str(error), hint="give it with --cuda: the CUDA whose release notes list it")
    return error
