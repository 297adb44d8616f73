"""How much room building packages takes: estimated, because what an artifact unpacks to is not known before."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.catalog.ecosystems import SYSTEM_KINDS, Output
from cudepot.catalog.lock import Artifact
from cudepot.depot.builds import Job
from cudepot.depot.depot import Depot
from cudepot.depot.room import Need, Room, rooms

_TIGHT, _LOOSE = 3, 2
"""Times the size of an artifact that it unpacks to: 2.6 for cuDNN's debs and tar.xz, 1.5 to 2.1 for zip and gzip."""


def build_rooms(depot: Depot, jobs: Iterable[Job]) -> tuple[Room, ...]:
    """Return what the store's disk has to take: the largest release unpacked, and all packages."""
    unpacked, made = 0, 0
    for job in jobs:
        unpacked = max(unpacked, sum(one.digest.size * _times(one) for one in job.artifacts))
        made += sum(one.digest.size for one in job.artifacts) * len(set(job.outputs) - {Output.MIRROR})
    return rooms([Need(depot.base / depot.config.store, unpacked + made)])


def _times(one: Artifact) -> int:
    return _TIGHT if one.kind in SYSTEM_KINDS or one.filename.endswith(".xz") else _LOOSE
