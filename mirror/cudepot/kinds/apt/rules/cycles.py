"""Cycles of dependencies that apt cannot unpack, because one of them is a Pre-Depends. Pure.

dpkg breaks a cycle of ``Depends`` at some point, but what is in ``Pre-Depends`` has to be configured before
(Debian Policy 7.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.offers import Facts


class Cycle(NamedTuple):
    """A Pre-Depends whose package needs the one that has it."""

    by: Package
    relation: Relation
    on: Package


def cycle_of(packages: Sequence[Package], facts: Mapping[int, Facts], machine: Machine) -> Cycle | None:
    """Return the first Pre-Depends on a way back to its own package.

    Only relations with one alternative count, that name a real package: else another choice might do without.

    Args:
        packages: what is installed together.
        facts: ``id`` of each of them → its relations.
        machine: where.
    """
    if not any(said == "Pre-Depends" for one in packages for said, _ in facts[id(one)].needs):
        return None
    named: dict[str, list[int]] = {}
    for number, one in enumerate(packages):
        for offer in facts[id(one)].offers:
            named.setdefault(offer.name, []).append(number)
    edges: list[list[int]] = [[] for _ in packages]
    before: list[tuple[int, Relation, int]] = []
    for number, one in enumerate(packages):
        for said, group in facts[id(one)].needs:
            there = named.get(group[0].name, ()) if len(group) == 1 else ()
            met = [at for at in there if _meets(packages[at], facts, group[0], one, machine)]
            if len(met) == 1 and packages[met[0]].name == group[0].name:
                edges[number].append(met[0])
                before += [(number, group[0], met[0])] if said == "Pre-Depends" else []
    component = _components(edges)
    loops = (one for one in before if component[one[0]] == component[one[2]])
    return next((Cycle(packages[at], relation, packages[on]) for at, relation, on in loops), None)


def _meets(package: Package, facts: Mapping[int, Facts], relation: Relation, by: Package, machine: Machine) -> bool:
    return machine.meets(package, facts[id(package)].offers, relation, by)


def _components(edges: Sequence[Sequence[int]]) -> list[int]:
    """Return for each node which strongly connected component it is in (Kosaraju's two passes, without recursion)."""
    backward: list[list[int]] = [[] for _ in edges]
    for number, targets in enumerate(edges):
        for target in targets:
            backward[target].append(number)
    order: list[int] = []
    seen = [False] * len(edges)
    for start in range(len(edges)):
        _walk(start, edges, seen, order)
    component = [-1] * len(edges)
    marked = [False] * len(edges)
    for start in reversed(order):
        reached: list[int] = []
        _walk(start, backward, marked, reached)
        for one in reached:
            component[one] = start
    return component


def _walk(start: int, edges: Sequence[Sequence[int]], seen: list[bool], finished: list[int]) -> None:
    """Follow edges from a node to all that was not seen; add each node once all behind it are finished."""
    if seen[start]:
        return
    seen[start] = True
    stack = [(start, iter(edges[start]))]
    while stack:
        node, targets = stack[-1]
        target = next((one for one in targets if not seen[one]), None)
        if target is None:
            finished.append(node)
            stack.pop()
        else:
            seen[target] = True
            stack.append((target, iter(edges[target])))
