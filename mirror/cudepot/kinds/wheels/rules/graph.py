"""Who needs whom among the wheels of a target: which of the locked requirements hold there. Pure.

Source: the dependency specifiers of the Python Packaging User Guide (PEP 508), extras and markers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.graph import Graph
from cudepot.kinds.wheels.rules.members import Machine, machines


def solution_graph(environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom in a target; raise ConfigError for machines for which no wheels are known."""
    those = list(files)
    return graph(environment.roots, those, machines(target, [text for one in those for text in one.requires]))


def graph(roots: Iterable[str], files: Iterable[Artifact], machines: Sequence[Machine]) -> Graph:
    """Return who needs whom.

    Args:
        roots: requirements that were asked for.
        files: of the target, ``requires`` as the lock has it.
        machines: those that the target means: a requirement that holds on one of them holds.
    """
    there: dict[str, list[Artifact]] = {}
    for one in files:
        there.setdefault(canonicalize_name(one.name), []).append(one)
    needs: dict[str, dict[str, None]] = {}
    asked = dict.fromkeys(_named(roots, machines, frozenset()))
    waiting, seen = list(asked), set(asked)
    while waiting:
        name, extras = waiting.pop()
        requires = [text for one in there.get(name, ()) for text in one.requires]
        for wanted in _named(requires, machines, extras):
            if wanted[0] in there and wanted[0] != name:
                needs.setdefault(name, {})[wanted[0]] = None
            if wanted not in seen:
                seen.add(wanted)
                waiting.append(wanted)
    return Graph(
        {_called(found): found for found in there.values()},
        tuple(dict.fromkeys(_called(there[name]) for name, _ in asked if name in there)),
        {_called(there[name]): tuple(sorted(_called(there[one]) for one in those)) for name, those in needs.items()},
    )


def _called(files: Sequence[Artifact]) -> str:
    return files[0].name


def _named(
    requires: Iterable[str], machines: Sequence[Machine], extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Give project and extras of each requirement that holds; ``extras`` are those asked of whoever requires."""
    for text in requires:
        one = Requirement(text)
        if one.marker is None or any(
            one.marker.evaluate({**machine, "extra": extra}) for machine in machines for extra in (extras or ("",))
        ):
            yield canonicalize_name(one.name), frozenset(one.extras)
