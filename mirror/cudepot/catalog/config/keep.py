"""``[keep]`` of cudepot.toml: which snapshots `gc` keeps by their age, beside the newest ones. Pure."""

from __future__ import annotations

from typing import NamedTuple

from cudepot.catalog.fields import Table


class Keep(NamedTuple):
    """For how many days, weeks and months that have snapshots the last one of each is kept."""

    daily: int = 0
    weekly: int = 0
    monthly: int = 0


NOTHING_BY_AGE = Keep()


def parse_keep(table: Table) -> Keep:
    """Return ``[keep]``; raise ConfigError that names the first fault."""
    found = Keep(table.integer("daily", 0), table.integer("weekly", 0), table.integer("monthly", 0))
    table.done()
    return found
