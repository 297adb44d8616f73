"""Removes what nothing names from a bucket, so that nobody who works on the same store misses it.

An object is noted first, and goes when nothing has named it for the grace period, by the server's clock. The state is
changed before the first one goes: a run that began earlier and counts on one of them cannot finish, and none begins
until the last is gone, or the one who removes has given no sign of life for :data:`LEASE` seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cudepot.stores.s3.state import StateFile
from cudepot.transport.s3.bucket import Bucket

LEASE = 900.0
"""Seconds after which somebody else goes on where the one who removed objects has died."""
_AT_A_TIME = 1000  # as many as go in a request


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


def now() -> float:
    """Return seconds that go on while this machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Remover:
    """Removes objects of a bucket for as long as nobody took over: a sign of life is given as it goes.

    Args:
        bucket: the bucket.
        state: says that this machine removes objects, since just now.
        clock: gives seconds.
    """

    def __init__(self, bucket: Bucket, state: StateFile, clock: Callable[[], float] = now) -> None:
        self._bucket, self._state, self._clock, self._seen = bucket, state, clock, clock()

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects.

        Raises:
            BusyError: another machine took over; what is left stays.
        """
        for start in range(0, len(keys), _AT_A_TIME):
            if self._clock() - self._seen > LEASE / 3:
                self._renew()
            self._bucket.delete_each(keys[start : start + _AT_A_TIME])

    def _renew(self) -> None:
        before, state = self._clock(), self._state.state
        assert state is not None, "it says who removes"
        self._state.swap(replace(state, serial=state.serial + 1))
        self._seen = before


def unnamed_keys(bucket: Bucket, rooms: Iterable[str], named: set[str], old: float) -> Iterator[str]:
    """Give the keys in rooms that nothing names, and that were written before ``old`` (the server's clock)."""
    for room in rooms:
        for key, _, written in bucket.stock(room):
            if key not in named and written <= old:
                yield key
