"""Whether this machine's clock can be right: it cannot lie before what this store has made or accepted already."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from cudepot.catalog.clocks import CLOCKS_APART
from cudepot.catalog.site.snapshot import parse_head
from cudepot.depot.depot import Clock, Depot
from cudepot.errors import ClockError, CudepotError

RIGHT = "cudepot publish --clock-is-right"


def clock_faults(depot: Depot) -> Iterator[str]:
    """Say so when the newest snapshot is of a later time than this machine's clock shows."""
    snapshots = depot.store.snapshots
    numbers = snapshots.numbers()
    if not numbers:
        return
    try:
        one = parse_head(snapshots.read(numbers[-1])[0], f"snapshot {numbers[-1]}")
        made = datetime.datetime.fromisoformat(one.created)
    except (CudepotError, ValueError):
        return  # damaged: reported elsewhere
    now = depot.clock()
    if made > now + CLOCKS_APART:
        yield (
            f"this machine's clock says {now:%Y-%m-%dT%H:%M:%SZ}, and snapshot {one.number} was made on {one.created}: "
            f"either is wrong, and apt refuses what is dated in its future"
        )


def check_clock(depot: Depot) -> None:
    """Refuse to sign anything while it is not known which of two times is wrong; raise ClockError."""
    for text in clock_faults(depot):
        raise ClockError(
            text, hint=f"if the clock is wrong now, set it; if it was wrong then, `{RIGHT}` signs everything anew"
        )


def timestamp(clock: Clock) -> str:
    """Return the time as snapshots have it."""
    return clock().strftime("%Y-%m-%dT%H:%M:%SZ")
