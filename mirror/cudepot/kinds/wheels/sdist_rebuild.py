"""Builds a locked wheel again on a machine that lacks it: the same sdist, the same requirements, the same bytes."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.builders.wheel_build import find_interpreter
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock
from cudepot.depot.depot import Depot
from cudepot.digest import mismatch
from cudepot.errors import BuildError, CudepotError
from cudepot.kinds.wheels.sdist_build import Source, build


def remake(depot: Depot, artifact: Artifact, requires: Iterable[Artifact]) -> None:
    """Build a locked wheel again, whose sdist and requirements are in the store.

    Raises:
        BuildError: this machine cannot, or other bytes come of it.
    """
    built = artifact.built
    assert built is not None
    source = Source(artifact.path.rpartition("/")[2], built.digest)
    python = find_interpreter(built.python)
    if python is None:
        raise BuildError(
            f"{artifact.filename} was built with Python {built.python}, which this machine does not have",
            hint=f"install Python {built.python}, or get the wheel in a bundle from the store that locked it",
        )
    depot.progress.say(f"{artifact.filename} is not in the store: building it again")
    try:
        _, digest = build(depot.store, source, python, {one.filename: one.digest for one in requires})
    except CudepotError as error:
        raise error.retold(f"{artifact.filename} is locked but missing here: {error}") from error
    if digest != artifact.digest:
        told = "" if built.again else "; two builds already differed when it was locked"
        raise BuildError(
            f"{artifact.filename}: the rebuilt wheel is not the locked one{told}",
            hint="get it in a bundle from the store that locked it, or run `cudepot lock` again without it",
        ) from mismatch(artifact.filename, artifact.digest, digest)


def remake_all(depot: Depot, lock: Lock, lost: Iterable[Artifact]) -> None:
    """Build wheels again that a lock names; see :meth:`~cudepot.kinds.ports.Solves.remake`."""
    for one in lost:
        if one.kind == ArtifactKind.WHEEL:
            requires = lock.builders_of([one])
            if requires is None:
                raise BuildError(
                    f"{one.filename} is missing, and cudepot.lock does not list everything it was built with",
                    hint="run `cudepot lock`",
                )
            remake(depot, one, requires)
