"""Removes what nothing names from a bucket, so that nobody who works on the same store misses it.

An object is noted first, and goes when nothing has named it for the grace period, by the server's clock. The state is
changed before the first one goes: a run that began earlier and counts on one of them cannot finish, and none begins
until the last is gone, or the one who removes has given no sign of life for :data:`LEASE` seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

LEASE = 900.0
"""Seconds after which somebody else goes on where the one who removed objects has died."""


class Retired(NamedTuple):
    """What to do with objects that nothing names.

    Attributes:
        doomed: sha256 of those that go now.
        waiting: sha256 → since when (server's seconds since 1970) nothing names it, of those that stay for a while.
    """

    doomed: list[str]
    waiting: dict[str, float]


def retire(unnamed: Iterable[str], before: Mapping[str, float], now: float, grace: float) -> Retired:
    """Return which objects go, and which wait, by what was noted of them before."""
    since = {one: min(float(before.get(one, now)), now) for one in unnamed}
    doomed = [one for one, at in since.items() if now - at >= grace]
    return Retired(doomed, {one: at for one, at in since.items() if now - at < grace})
