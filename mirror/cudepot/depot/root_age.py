"""How old the locked roots are, and which are older than cudepot.toml lets them be."""

from __future__ import annotations

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.depot.depot import Clock
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.dates import parse_date


def too_old(config: Config, clock: Clock, lock: Lock) -> tuple[tuple[str, str], ...]:
    """Return the upstreams whose locked root is older than their ``max-age``, and what there is to say.

    A report, no refusal: NVIDIA's repositories are quiet for weeks, and an old root is only a sign that somebody
    may be holding back newer ones.
    """
    return tuple((one.name, text) for one in lock.upstreams if (text := _age(config, clock, lock, one.name)))


def _age(config: Config, clock: Clock, lock: Lock, name: str) -> str:
    try:
        limit = config.upstream(name).max_age
    except ConfigError:
        return ""
    locked = lock.upstream(name)
    for root in locked.roots if limit and locked else ():
        days = _days(clock, root.date)
        if days > limit:
            return f"root of {root.date} is {days} days old, max-age is {limit}d: quiet upstream, or held back"
    return ""


def _days(clock: Clock, date: str) -> int:
    """Return how old a root is; 0 where it does not say so in a way that can be read."""
    try:
        return (clock() - parse_date(date, "Date")).days
    except FormatError:
        return 0
