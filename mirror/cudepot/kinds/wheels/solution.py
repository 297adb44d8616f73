"""Who needs whom among the locked wheels of a target."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.graph import Graph
from cudepot.kinds.wheels.rules.graph import graph
from cudepot.kinds.wheels.rules.members import target_of
from cudepot.kinds.wheels.rules.target import machine

_LEVELS = range(40)
"""Patch levels of Python that a target means where it names none; no release has had more than 21."""


def solution_graph(environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom; raise ConfigError for machines for which no wheels are known."""
    meant = target_of(target)
    levels = [int(meant.python.rpartition(".")[2])] if meant.is_exact else _LEVELS
    return graph(environment.roots, files, [machine(meant, level) for level in levels])
