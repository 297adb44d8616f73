"""Whether this machine's clock can be right: not if it is earlier than what this store has made or accepted."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from cudepot.catalog.clocks import CLOCKS_APART
from cudepot.catalog.site.snapshot import parse_head
from cudepot.depot.depot import Clock
from cudepot.errors import ClockError, CudepotError
from cudepot.store.local import LocalStore

RIGHT = "cudepot publish --clock-is-right"


def clock_faults(store: LocalStore, clock: Clock) -> Iterator[str]:
    """Say so when the newest snapshot is of a later time than this machine's clock shows."""
    snapshots = store.snapshots
    numbers = snapshots.numbers()
    if not numbers:
        return
    try:
        one = parse_head(snapshots.head(numbers[-1]), f"snapshot {numbers[-1]}")
        made = datetime.datetime.fromisoformat(one.created)
    except (CudepotError, ValueError):
        return  # damaged: reported elsewhere
    now = clock()
    if made > now + CLOCKS_APART:
        yield (
            f"this machine's clock says {now:%Y-%m-%dT%H:%M:%SZ}, but snapshot {one.number} was made on {one.created}: "
            "one of the two is wrong, and apt refuses files dated in its future"
        )


def check_clock(store: LocalStore, clock: Clock) -> None:
    """Refuse to sign anything while it is not known which of two times is wrong; raise ClockError."""
    for text in clock_faults(store, clock):
        raise ClockError(
            text, hint=f"if the clock is wrong now, set it; if it was wrong then, `{RIGHT}` signs everything again"
        )


def timestamp(clock: Clock) -> str:
    """Return the time as snapshots have it."""
    return clock().strftime("%Y-%m-%dT%H:%M:%SZ")
