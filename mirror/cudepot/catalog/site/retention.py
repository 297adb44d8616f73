"""Which snapshots are kept, and why: the newest, the last of days, weeks and months, and those somebody names. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cudepot.catalog.config.keep import Keep

Reasons = Mapping[int, tuple[str, ...]]
"""Number of a snapshot that is kept → why."""
_PERIODS: Mapping[str, Callable[[datetime.datetime], str]] = {
    "day": lambda at: f"{at:%Y-%m-%d}",
    "week": lambda at: f"{at:%G-W%V}",
    "month": lambda at: f"{at:%Y-%m}",
}


def kept(
    snapshots: Mapping[int, str], newest: int, keep: Keep, named: Iterable[tuple[int, str]]
) -> dict[int, tuple[str, ...]]:
    """Return which snapshots are kept, in order, each with all reasons.

    Args:
        snapshots: number → when it was made (ISO 8601); what is no time is kept by no age.
        newest: how many of the newest.
        keep: how many days, weeks and months, counted over those that have snapshots.
        named: number and reason of those kept for something else.
    """
    found: dict[int, list[str]] = {}
    order = sorted(snapshots, reverse=True)
    by_age = (
        one
        for (period, name), count in zip(_PERIODS.items(), keep, strict=True)
        for one in _last_of(order, snapshots, period, name, count)
    )
    for number, why in (*((one, f"one of the newest {newest}") for one in order[:newest]), *named, *by_age):
        if number in snapshots:
            found.setdefault(number, []).append(why)
    return {number: tuple(dict.fromkeys(found[number])) for number in sorted(found)}


def _last_of(
    order: Sequence[int],
    snapshots: Mapping[int, str],
    period: str,
    name: Callable[[datetime.datetime], str],
    count: int,
) -> Iterator[tuple[int, str]]:
    """Give the last snapshot of each of the newest ``count`` periods that have one."""
    seen: set[str] = set()
    for number in order:
        at = _time(snapshots[number])
        if at is None or name(at) in seen:
            continue
        if len(seen) == count:
            return
        seen.add(name(at))
        yield number, f"the last of {period} {name(at)}"


def _time(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
