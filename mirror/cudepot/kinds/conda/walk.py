"""What channels have of everything that may be needed: from what is asked for over what packages depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cudepot.formats.conda_record import Package
from cudepot.formats.conda_repodata import depended
from cudepot.formats.conda_subdir import Subdir
from cudepot.kinds.conda.channel_reader import ChannelReader
from cudepot.kinds.conda.select import leave_out_unreadable

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
        UpstreamError: a shard is not to be had.
    """
    graphs = [graph for one in readers for graph in one.needs()]
    found: dict[str, dict[str, Subdir]] = {one.upstream.name: {} for one in readers}
    seen: set[str] = set()
    waiting = {*roots, _PIP}
    while waiting:
        waiting = _beyond(graphs, waiting, seen)
        seen |= waiting
        new = [_added(found[one.upstream.name], one.read(waiting)) for one in readers]
        waiting = {name for packages in new for one in packages for name in _needed(one)} - seen
    return found


def _beyond(graphs: Sequence[Mapping[str, set[str]]], names: set[str], seen: set[str]) -> set[str]:
    """Return names with all that they need as far as whole indexes tell: these are read once more, not at each step."""
    found, waiting = set(names), list(names)
    while waiting:
        name = waiting.pop()
        more = {each for graph in graphs for each in graph.get(name, ()) if _is_real(each)} - found - seen
        found |= more
        waiting += more
    return found


def _added(there: dict[str, Subdir], more: Mapping[str, Subdir]) -> list[Package]:
    """Add what was read to what there is; return the packages that came."""
    came: list[Package] = []
    for subdir, one in more.items():
        leave_out_unreadable(one)
        known = there.setdefault(subdir, one)
        if known is not one:
            known.packages += one.packages
            known.odd += one.odd
        came += one.packages
    return came


def _needed(package: Package) -> Iterator[str]:
    extra = package.record.get("extra_depends") or {}
    specs = [*(package.record.get("depends") or ()), *(one for each in extra.values() for one in each)]
    return (name for spec in specs if _is_real(name := depended(spec)))


def _is_real(name: str) -> bool:
    """Return whether a name is a package's, not the machine's."""
    return not name.startswith("__")
