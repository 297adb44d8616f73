"""What every published repository has: its pool of packages, and how many generations of indexes it keeps."""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest
from cudepot.errors import FormatError

GENERATIONS = 3
"""Generations of indexes (of a conda channel, shards) reachable by hash, the current one included."""


def pool_of(packages: Sequence[Artifact]) -> dict[str, Digest]:
    """Return file name → content; raise FormatError for two packages that share a name and differ."""
    pool: dict[str, Digest] = {}
    for one in packages:
        if pool.setdefault(one.filename, one.digest) != one.digest:
            raise FormatError(
                f"{one.upstream}: two packages are called {one.filename} and differ",
                hint="pin only one of them, or split the upstream in two",
            )
    return pool
