"""Distributions that presets know: ``[[distribution]]`` of ``channel-config/upstreams/*.toml``. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from cudepot.catalog.ecosystems import repositories
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError


class Distribution(NamedTuple):
    """One release of a distribution.

    Attributes:
        name: as an ``[[environment]]`` says it: ``ubuntu2204``, ``rocky9``.
        title: as people say it.
        type: of its upstreams.
        nvidia: what NVIDIA's folders for it are called: ``rhel9`` for Rocky Linux 9.
    """

    name: str
    title: str
    type: str
    nvidia: str


def parse_distribution(table: Table) -> Distribution:
    """Return a row; raise ConfigError that names the place of the first fault."""
    name = table.text("name")
    known = tuple(one.name for one in repositories())
    found = Distribution(name, table.text("title"), table.choice("type", known), table.text("nvidia", name))
    table.done()
    return found


def find(name: str, known: Mapping[str, Distribution]) -> Distribution:
    """Return a distribution by its name; raise ConfigError that names similar ones."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 3, 0.6)
    raise ConfigError(
        f"there is no distribution {name!r}",
        hint=f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}",
    )


def serving(named: Iterable[str], known: Iterable[Distribution], *, nvidia: bool) -> tuple[str, ...]:
    """Return the distributions that a repository is for.

    Args:
        named: names or globs over names.
        known: all distributions.
        nvidia: whether a name may be what NVIDIA calls a distribution.
    """
    rows, found = list(known), dict[str, None]()
    for one in named:
        fitting = [row.name for row in rows if fnmatchcase(row.name, one) or (nvidia and row.nvidia == one)]
        found |= dict.fromkeys(fitting or ([] if "*" in one else [one]))
    return tuple(found)
