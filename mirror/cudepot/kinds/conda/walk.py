"""What channels have of everything that may be needed: from what is asked for over what packages depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cudepot.formats.conda_subdir import Subdir
from cudepot.kinds.conda.channel_reader import ChannelReader

Channels = Mapping[str, Mapping[str, Subdir]]
"""Upstream → subdir → what it has there."""
_PIP = "pip"
"""conda adds it to whatever has Python."""


def reached(readers: Sequence[ChannelReader], roots: Iterable[str]) -> Channels:
    """Return all packages of the names that are asked for or needed, whatever their versions.

    Args:
        readers: of the channels, their indexes found.
        roots: names that are asked for.

    Raises:
        FormatError: an index is damaged.
        TrustError: a shard is not the one its index names.
        UpstreamError: a shard is not available.
    """
    graphs = [graph for one in readers for graph in one.needs()]
    seen: set[str] = set()
    waiting = {*roots, _PIP}
    while waiting:
        waiting = _beyond(graphs, waiting, seen)
        seen |= waiting
        for one in readers:
            one.load(waiting)
        waiting = set().union(*(one.needed(waiting) for one in readers)) - seen
    return {one.upstream.name: one.read(seen) for one in readers}


def _beyond(graphs: Sequence[Mapping[str, set[str]]], names: set[str], seen: set[str]) -> set[str]:
    """Return names with all that they need as far as whole indexes tell: these are read once more, not at each step."""
    found, waiting = set(names), list(names)
    while waiting:
        name = waiting.pop()
        more = {each for graph in graphs for each in graph.get(name, ()) if _is_real(each)} - found - seen
        found |= more
        waiting += more
    return found


def _is_real(name: str) -> bool:
    """Return whether a name is a package's, not the machine's."""
    return not name.startswith("__")
