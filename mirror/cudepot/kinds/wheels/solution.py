"""Who needs whom among the locked wheels of a target."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.graph import Graph
from cudepot.kinds.wheels.rules.graph import graph
from cudepot.kinds.wheels.rules.members import machines


def solution_graph(environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom; raise ConfigError for machines for which no wheels are known."""
    those = list(files)
    return graph(environment.roots, those, machines(target, [text for one in those for text in one.requires]))
