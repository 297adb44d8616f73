"""Whether this machine's clock can be right: it cannot lie before what this store has made or accepted already."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from cudepot.catalog.snapshot import parse_snapshot
from cudepot.errors import CudepotError
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.depot import Depot

SLACK = datetime.timedelta(minutes=5)
"""How far two machines' clocks may be apart without a word."""


def clock_faults(depot: Depot) -> Iterator[str]:
    """Say so when the newest snapshot is of a later time than this machine's clock shows."""
    snapshots = Snapshots(depot.store.root)
    numbers = snapshots.numbers()
    if not numbers:
        return
    try:
        made = _time(parse_snapshot(snapshots.read(numbers[-1])[0], f"snapshot {numbers[-1]}").created)
    except (CudepotError, ValueError):
        return  # damaged: reported elsewhere
    now = depot.clock()
    if made > now + SLACK:
        yield (
            f"this machine's clock says {now:%Y-%m-%dT%H:%M:%SZ}, and snapshot {numbers[-1]} was made on "
            f"{made:%Y-%m-%dT%H:%M:%SZ}: one of the two is wrong; set the clock before anything else"
        )


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
