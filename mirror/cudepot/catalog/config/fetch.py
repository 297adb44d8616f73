"""``[fetch]`` of cudepot.toml: how much bandwidth and how many connections cudepot may use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.fields import Table

MOST_CONNECTIONS = 40
"""As many as a run has without limits; see ``depot/fetch.py``."""
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([kKMG]?)(?:B(?:/s)?)?")
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}


class Fetch(NamedTuple):
    """The limits of a run.

    Attributes:
        rate: bytes per second, over all connections together; 0 for no limit.
        connections: requests at a time, to all upstreams together; 0 for no limit but cudepot's own.
    """

    rate: int = 0
    connections: int = 0


NO_LIMITS = Fetch()


def parse_fetch(table: Table) -> Fetch:
    """Return the ``[fetch]`` table as a value; raise ConfigError that names the place of the first fault."""
    text = table.text("limit-rate", "")
    fetch = Fetch(parse_rate(text, table.path("limit-rate")) if text else 0, connections_of(table))
    table.done()
    return fetch


def connections_of(table: Table) -> int:
    """Return how many requests there may be at a time; 0 for as many as ever."""
    return table.integer("connections", MOST_CONNECTIONS, low=1, high=MOST_CONNECTIONS) % MOST_CONNECTIONS


def parse_rate(text: str, where: str) -> int:
    """Return bytes per second for ``10M``, ``500k`` or ``1.5 MB/s``: units are decimal, 1 MB is 1,000,000 bytes.

    Raises:
        ConfigError: it is none, or less than 1 kB/s, with which no transfer ends; the error tells ``where`` it is.
    """
    found = _RATE.fullmatch(text.strip())
    rate = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if rate < _UNITS["k"]:
        raise ConfigError(
            f"expected bytes per second as '10M' or '500k', at least '1k', in {where!r}, found {text!r}",
            hint="k, M and G are thousands, millions and billions of bytes: a line of 100 Mbit/s carries 12.5M",
        )
    return rate
