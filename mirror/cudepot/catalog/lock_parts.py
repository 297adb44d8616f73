"""Takes a lock apart and puts it together again: by upstream, by what pins alone made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cudepot.catalog.lock import Artifact, Lock
from cudepot.digest import Digest


def beside(lock: Lock) -> Iterator[tuple[str, str, Digest]]:
    """Give what is fetched beside artifacts and whole mirrors: the upstream's name, the path there, the content."""
    for one in lock.upstreams:
        yield from ((one.name, file.path, file.digest) for file in one.metadata)
    for artifact in lock.artifacts:
        if artifact.provenance:
            yield artifact.upstream, artifact.provenance.path, artifact.provenance.digest


def split(lock: Lock) -> dict[str, Lock]:
    """Return the part of each upstream, in the lock's order; environments, which are of several, are in none."""
    artifacts: dict[str, list[Artifact]] = {one.name: [] for one in lock.upstreams}
    for one in lock.artifacts:
        artifacts.setdefault(one.upstream, []).append(one)
    rest = replace(lock, environments=())
    return {one.name: replace(rest, upstreams=(one,), artifacts=tuple(artifacts[one.name])) for one in lock.upstreams}


def joined(parts: Sequence[Lock], lock: Lock) -> Lock:
    """Return the lock of several parts; all else in it, environments too, is that of ``lock``."""
    return replace(
        lock,
        upstreams=tuple(upstream for one in parts for upstream in one.upstreams),
        artifacts=tuple(artifact for one in parts for artifact in one.artifacts),
    )


def pinned(lock: Lock) -> Lock:
    """Return what pins alone made of a lock: nothing of environments."""
    if not lock.environments:
        return lock
    artifacts = tuple(replace(one, requires=()) for one in lock.artifacts if not one.is_of_environment)
    used = {one.upstream for one in artifacts}
    alone = {one.upstream for one in lock.artifacts} - used
    upstreams = tuple(one for one in lock.upstreams if one.name not in alone or one.files)
    return replace(lock, upstreams=upstreams, artifacts=artifacts, environments=())
