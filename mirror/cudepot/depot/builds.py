"""What has been built already: records in the store, keyed by everything that decides a build's bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from cudepot.catalog.config.config import SUBDIRS
from cudepot.catalog.ecosystems import CONDA, SYSTEM_KINDS, ArtifactKind, Output, row_for
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.nvidia.repackaged import part_of
from cudepot.depot.depot import Workshop
from cudepot.depot.workers import Made
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError
from cudepot.formats.release import Release
from cudepot.formats.sbom import Origin
from cudepot.paths import safe_name
from cudepot.sealed import unsealed
from cudepot.store.layout import BUILDS
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile

BUILDER = 3
"""Raised whenever a change of cudepot changes the bytes of what it builds."""


@dataclass(frozen=True, slots=True)
class Built:
    """One package that was built.

    Attributes:
        kind: ``conda`` or ``wheel`` (which has no subdir).
        md5: of a conda package, for its channel's index; empty where an older cudepot built it.
    """

    kind: ArtifactKind
    subdir: str
    filename: str
    digest: Digest
    md5: str = ""

    def place(self, channel: str) -> str:
        """Return where it is on a site; ``channel`` is the name of its conda channel."""
        row = row_for(self.kind)
        return "/".join((row.room, *((channel, self.subdir) if row is CONDA else ()), self.filename))


@dataclass(frozen=True, slots=True)
class Job:
    """One build: the artifacts of one release from one upstream, and what to make of them.

    Attributes:
        licences: samples of the same version, of which only the licence text is taken: rpms have it nowhere else.
    """

    recipe: str
    release: Release
    artifacts: tuple[Artifact, ...]
    outputs: tuple[str, ...]
    licences: tuple[Artifact, ...] = ()

    def __str__(self) -> str:
        one = self.release
        where = f" ({self.artifacts[0].upstream})" if self.artifacts else ""
        return f"{one.product} {one.version} for CUDA {one.cuda} on {one.subdir}{where}"


def all_jobs(workshop: Workshop, lock: Lock) -> list[Job]:
    """Return the builds a lock asks for, and in a closed channel ``cuda-version`` for each CUDA of theirs."""
    jobs = jobs_of(lock)
    if not workshop.config.build.closed_channel:
        return jobs
    exact = {
        one.release.cuda for one in jobs if "." in one.release.cuda and {Output.CONDA, Output.STATIC} & set(one.outputs)
    }
    releases = [Release("cuda-version", cuda, cuda, "noarch") for cuda in sorted(exact)]
    return [*jobs, *(Job(one.product, one, (), (Output.CONDA,)) for one in releases)]


def jobs_of(lock: Lock) -> list[Job]:
    """Return the builds of a lock's artifacts, in its order."""
    groups: dict[tuple[str, str, Release], list[Artifact]] = {}
    for one in lock.artifacts:
        if one.release is not None:
            groups.setdefault((one.upstream, one.recipe, one.release), []).append(one)
    return [
        Job(
            recipe,
            release,
            (*found, *_headers(groups, upstream, recipe, release)),
            _outputs_of(found),
            _licences(lock, upstream, release, found),
        )
        for (upstream, recipe, release), found in groups.items()
    ]


def _headers(
    groups: Mapping[tuple[str, str, Release], Sequence[Artifact]], upstream: str, recipe: str, release: Release
) -> tuple[Artifact, ...]:
    """Return the packages of headers that the JIT libraries of debs and rpms share with the release itself."""
    if release.part != "jit" or any(one.kind not in SYSTEM_KINDS for one in groups[upstream, recipe, release]):
        return ()
    whole = groups.get((upstream, recipe, replace(release, part="")), ())
    return tuple(one for one in whole if part_of(one.name) == "headers")


def _outputs_of(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    return tuple(sorted({kind for one in artifacts for kind in one.outputs} - {Output.MIRROR}))


def _licences(lock: Lock, upstream: str, release: Release, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
    if release.part == "samples" or any(one.kind != ArtifactKind.RPM for one in artifacts):
        return ()
    sought = replace(release, cuda="", subdir="noarch", part="samples")
    return tuple(one for one in lock.of(upstream) if one.release == sought)


def job_key(workshop: Workshop, lock: Lock, job: Job) -> str:
    """Return a hash over all that decides what is in a build.

    The compressors' versions are left out on purpose: a new zlib may pack the same content into other bytes, and
    a package that was published must not change because the machine was updated.
    """
    config = workshop.config
    build, release = config.build, job.release
    decides: list[object] = [
        BUILDER,
        [release.product, release.version, release.cuda, release.subdir],
        sorted(one.digest.sha256 for one in (*job.artifacts, *job.licences)),
        list(job.outputs),
        [_folder_hash(one) for one in _recipe_folders(workshop.recipes, job.recipe)],
        [build.number, build.zstd_level, build.zstd_window, build.deflate_level, config.site.label, workshop.epoch],
        config.site.channel,
        build.closed_channel,
    ]
    if build.provenance == "inside":
        decides.append([asdict(one) for one in origins_of(lock, job)])
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def origins_of(lock: Lock, job: Job) -> tuple[Origin, ...]:
    """Return the artifacts of a job as the lock knows them, by file name."""
    return tuple(_origin(lock, one) for one in sorted(job.artifacts, key=lambda each: each.filename))


def _origin(lock: Lock, artifact: Artifact) -> Origin:
    upstream = lock.upstream(artifact.upstream)
    signers = {signer for root in (upstream.roots if upstream else ()) for signer in root.signers}
    url = urljoin(upstream.url if upstream else "", artifact.path)
    return Origin(artifact.filename, artifact.digest, artifact.upstream, url, tuple(sorted(signers)))


def _recipe_folders(recipes: Path, name: str) -> list[Path]:
    """Return the folders of a recipe and of what is made beside it: ``cudnn``, ``cudnn-static``, ..."""
    return [recipes / name, *sorted(one for one in recipes.glob(f"{name}-*") if one.is_dir())]


def _folder_hash(folder: Path) -> str:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such recipe", hint="name one that comes with cudepot, or use --recipes")
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    one = hashlib.sha256()
    for path in files:
        one.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return one.hexdigest()


def record(store: LocalStore, key: str, job: Job, built: Sequence[Built], licence: str) -> None:
    """Note what a job made, and the sha256 of the licence text that had been accepted for it."""
    document = {
        "job": str(job),
        "licence": licence,
        "built": [
            {"kind": one.kind, "subdir": one.subdir, "filename": one.filename}
            | {"sha256": one.digest.sha256, "size": one.digest.size}
            | ({"md5": one.md5} if one.md5 else {})
            for one in built
        ],
    }
    _file(store, key).write(document)


def made_of(document: Mapping[str, object]) -> Made:
    """Return what a build's record says it made."""
    table = Table(document)
    return Made(tuple(_built(one) for one in table.tables("built")), table.text("licence"))


def recorded(store: LocalStore, key: str) -> dict[str, Any]:
    """Return the record of a build; raise OSError or FormatError where there is none that holds."""
    return _file(store, key).read()


def recall(store: LocalStore, lock: Lock, key: str) -> list[Built] | None:
    """Return what a job made before, if all of it is still in the store and its licence is still accepted."""
    try:
        table = Table(_file(store, key).read())
        licence = table.text("licence")
        if licence and licence not in lock.accepted_eula:
            return None
        built = [_built(one) for one in table.tables("built")]
    except (OSError, ValueError, CudepotError):
        return None
    return built if all(store.has(one.digest) for one in built) else None


def recorded_licence(store: LocalStore, key: str) -> Digest | None:
    """Return the licence text that a job was built under, if the store still has it."""
    try:
        sha256 = Table(_file(store, key).read()).text("licence")
        found = Digest(sha256, store.path(Digest(sha256, 0)).stat().st_size)
    except (OSError, ValueError, CudepotError):
        return None
    return found if store.has(found) else None


def records(store: LocalStore) -> Iterator[tuple[str, str, list[Built]]]:
    """Give key, job and packages of every readable build record."""
    for path in BUILDS.found(store.root):
        try:
            yield path.stem, *parse_record(path.read_bytes(), str(path))
        except (OSError, ValueError, CudepotError):
            continue


def parse_record(data: bytes, what: str) -> tuple[str, list[Built]]:
    """Return job and packages of a build record; raise CudepotError when it is not what was written."""
    table = Table(unsealed(data, what))
    return table.text("job"), [_built(one) for one in table.tables("built")]


def not_built(job: Job) -> ConfigError:
    """Return the error for a build that has not been run."""
    return ConfigError(f"{job} has not been repackaged", hint="run `cudepot repackage`")


def builds_of(workshop: Workshop, lock: Lock) -> list[Built]:
    """Return everything the lock's jobs made; raise ConfigError when one has not been run."""
    built: list[Built] = []
    for job in all_jobs(workshop, lock):
        found = recall(workshop.store, lock, job_key(workshop, lock, job))
        if found is None:
            raise not_built(job)
        built += found
    return list(dict.fromkeys(built))  # tgz and deb of one release make the very same package


def builds_of_each(workshop: Workshop, lock: Lock) -> list[tuple[Job, list[Built] | None]]:
    """Return each build of a lock's artifacts with what it made; None where it has not been run."""
    return [(job, recall(workshop.store, lock, job_key(workshop, lock, job))) for job in jobs_of(lock)]


def ever_built(store: LocalStore, lock: Lock) -> list[Built]:
    """Return all that a lock's builds ever made, be it by an older cudepot or with other settings."""
    labels = {str(job) for job in jobs_of(lock)}
    return [one for _, job, made in records(store) if job in labels for one in made] if labels else []


def _built(table: Table) -> Built:
    kind = ArtifactKind(table.choice("kind", (ArtifactKind.CONDA, ArtifactKind.WHEEL)))
    subdir = table.choice("subdir", (*SUBDIRS, "noarch") if kind == ArtifactKind.CONDA else ("",))
    filename = table.text("filename")
    (suffix,) = row_for(kind).suffixes
    if "/" in filename or safe_name(filename) != filename or not filename.endswith(suffix):
        raise ConfigError(f"expected the name of a {suffix} file in {table.path('filename')!r}, found {filename!r}")
    return Built(kind, subdir, filename, table.digest(), table.text("md5", ""))


def forget_record(store: LocalStore, key: str) -> None:
    """Forget what a job made; raise StorageError where the disk refuses."""
    _file(store, key).forget()


def _file(store: LocalStore, key: str) -> SealedFile:
    return SealedFile(store.at(BUILDS) / f"{key}.json")
