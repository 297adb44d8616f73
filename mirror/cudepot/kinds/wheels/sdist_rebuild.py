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
            f"{artifact.filename} was built with Python {built.python}, which this machine has not got",
            hint=f"install Python {built.python}, or take the wheel from the store that locked it, by a bundle",
        )
    depot.progress.say(f"building {artifact.filename} again, which is not in the store")
    try:
        _, digest = build(depot.store, source, python, {one.filename: one.digest for one in requires})
    except CudepotError as error:
        raise error.retold(f"{artifact.filename} is locked and not here: {error}") from error
    if digest != artifact.digest:
        told = "" if built.again else "; when it was locked, two builds differed already"
        raise BuildError(
            f"{artifact.filename}: built again it is not what is locked{told}",
            hint="take it from the store that locked it, by a bundle; or run `cudepot lock` again without it",
        ) from mismatch(artifact.filename, artifact.digest, digest)


def remake_all(depot: Depot, lock: Lock, lost: Iterable[Artifact]) -> None:
    """Build wheels again that a lock names; see :meth:`~cudepot.kinds.ports.Solves.remake`."""
    for one in lost:
        if one.kind == ArtifactKind.WHEEL:
            requires = lock.builders_of([one])
            if requires is None:
                raise BuildError(
                    f"{one.filename} is not here, nor is all in cudepot.lock that it was built with",
                    hint="run `cudepot lock`",
                )
            remake(depot, one, requires)
