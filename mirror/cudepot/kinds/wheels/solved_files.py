"""The files of a solution as they are locked."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from packaging.utils import parse_wheel_filename

from cudepot.catalog.config.pinned_hashes import pinned_hashes
from cudepot.catalog.lock import Artifact, Lock
from cudepot.depot.depot import Depot
from cudepot.depot.fetch import in_threads
from cudepot.errors import StorageError, TrustError
from cudepot.kinds.wheels.artifact import wheel_artifact
from cudepot.kinds.wheels.hashes import Hashes
from cudepot.kinds.wheels.index_reader import IndexReader
from cudepot.kinds.wheels.rules.question import Chosen
from cudepot.kinds.wheels.rules.select import Wheel
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.sdists import Builder, Made

_WORKERS = 16  # sizes or hashes to learn at a time
Answer = Mapping[Target, tuple[Chosen, ...]]
"""The files that each target needs."""


def artifacts_of(depot: Depot, before: Lock, reader: IndexReader, answer: Answer) -> dict[str, Artifact]:
    """Return what is locked of the files of a solution, by their names on the page.

    Sizes and hashes that pages lack are learnt, several at once.

    Args:
        depot: the depot.
        before: what is locked.
        reader: read the pages.
        answer: the solution.

    Raises:
        TrustError: nothing says what a file's bytes have to be, or they are others.
        UpstreamError: a file is not available.
    """
    chosen = {one.file.filename: one for each in answer.values() for one in each if not is_sdist(one)}
    hashes: dict[str, Hashes] = {}
    for name in {reader.upstream_of(one.project) for one in chosen.values()}:
        upstream = depot.config.upstream(name)
        pinned = pinned_hashes(depot.config.pins_of(upstream))
        hashes[name] = Hashes(depot.store, depot.progress, depot.source(upstream), pinned, before.of(name))
    found: dict[str, Artifact] = {}

    def make(one: Chosen, stop: threading.Event) -> None:
        name = reader.upstream_of(one.project)
        _, version, build, tags = parse_wheel_filename(one.file.filename)
        wheel = Wheel(one.file, version, build, tags)
        found[one.file.filename] = wheel_artifact(depot.config.upstream(name), one.project, wheel, hashes[name], stop)

    failed = in_threads(list(chosen.values()), make, _WORKERS)
    if failed:
        raise next((error for _, error in failed if isinstance(error, StorageError)), failed[0][1])
    requires = _requires(answer)
    return {name: replace(found[name], requires=requires[name]) for name in sorted(found)}


def built_of(builder: Builder | None, answer: Answer) -> dict[tuple[Target, str], Made]:
    """Return what is built of the sdists of a solution, by target and file name.

    Raises:
        BuildError: a target takes none of the wheels that can be made here.
        CudepotError: what it takes to build is not available.
    """
    found: dict[tuple[Target, str], Made] = {}
    requires = _requires(answer)
    for target, each in answer.items():
        for one in filter(is_sdist, each):
            assert builder is not None
            wheel, *others = builder.artifacts(one, target)
            found[target, one.file.filename] = (replace(wheel, requires=requires[one.file.filename]), *others)
    return found


def is_sdist(one: Chosen) -> bool:
    """Return whether a file of a solution is one that has to be built."""
    return not one.file.filename.endswith(".whl")


def _requires(answer: Answer) -> dict[str, tuple[str, ...]]:
    """Return what each file needs, on whichever target."""
    found: dict[str, set[str]] = {}
    for each in answer.values():
        for one in each:
            found.setdefault(one.file.filename, set()).update(one.requires)
    return {name: tuple(sorted(texts)) for name, texts in found.items()}


def check_insisted(artifacts: Iterable[Artifact], insisted: Mapping[str, frozenset[str]]) -> None:
    """Raise TrustError where a file of requirements insists on other bytes of a project."""
    for one in artifacts:
        digest = one.built.digest if one.built else one.digest
        if one.name in insisted and digest.sha256 not in insisted[one.name]:
            raise TrustError(
                f"{one.filename}: {one.upstream} has it with sha256 {digest.sha256}, which is not one of those "
                "in the requirements",
                hint="it was added after they were written, or it is a different file: find out, then regenerate them",
            )
