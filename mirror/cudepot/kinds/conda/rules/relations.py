"""What channels say of others that belong to them (CEP 42): named, and never followed. Pure.

A client that is given one channel alone would add these. Here cudepot.toml says which channels there are, and in which
order: a channel cannot add a place to take packages from, nor move one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urljoin

from cudepot.catalog.config.upstream import Upstream
from cudepot.formats.conda_subdir import Subdir

_BASE = "base"
"""A channel that goes before; the other word there is, ``overrides``, names one that goes after."""


def relation_notes(upstream: Upstream, subdirs: Mapping[str, Subdir], asked: Sequence[Upstream]) -> Iterator[str]:
    """Give a line for each channel that belongs to one and is not asked, or not in the order that is meant.

    Args:
        upstream: the channel.
        subdirs: as they were read.
        asked: all channels that are asked, the first first.
    """
    told = dict.fromkeys((key, one.relations[key]) for one in subdirs.values() for key in sorted(one.relations))
    places = [one.url for one in asked]
    for key, reference in told:
        if reference.split("/", 1)[0] != "..":
            yield f"{upstream.name}: its {key} channel is given as {reference[:200]!r}, which cudepot does not follow"
            continue
        other = urljoin(upstream.url, f"{reference.rstrip('/')}/")
        first, second = (other, upstream.url) if key == _BASE else (upstream.url, other)
        meant = "before" if key == _BASE else "after"
        if other not in places:
            yield f"{upstream.name} is meant to be used with {other}, {meant} it, which is not an upstream here"
        elif places.index(first) > places.index(second):
            yield f"{upstream.name} is meant to be used with {other} {meant} it; the order here is different"
