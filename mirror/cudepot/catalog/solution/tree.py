"""A target of an environment as a tree, from what was asked for down, with sizes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cudepot.catalog.solution.graph import Graph


class Line(NamedTuple):
    """A package in the tree.

    Attributes:
        depth: 0 for what was asked for.
        name, version: of the package.
        bytes: its own size.
        below: its size with all that it needs, each file counted once.
        again: whether what it needs was told before, further up.
        last: for each depth down to its own, whether nothing more follows there: where lines of a drawing end.
    """

    depth: int
    name: str
    version: str
    bytes: int
    below: int
    again: bool
    last: tuple[bool, ...]


def lines(graph: Graph) -> Iterator[Line]:
    """Give the tree; what a package needs is told once, at its first place."""
    seen: set[str] = set()
    reached = set().union(*map(graph.below, graph.roots))
    there = [*graph.roots, *(name for name in sorted(graph.files) if name not in reached)]
    for name in there:
        yield from _lines(graph, name, (name == there[-1],), seen)


def _lines(graph: Graph, name: str, last: tuple[bool, ...], seen: set[str]) -> Iterator[Line]:
    needs, again = graph.needs.get(name, ()), name in seen
    yield Line(
        len(last) - 1,
        name,
        graph.version(name),
        graph.size([name]),
        graph.size(graph.below(name)),
        again and bool(needs),
        last,
    )
    if not again:
        seen.add(name)
        for one in needs:
            yield from _lines(graph, one, (*last, one == needs[-1]), seen)
