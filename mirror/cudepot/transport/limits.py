"""How much bandwidth and how many connections cudepot uses: bytes per second over all threads, requests at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

_Piece = TypeVar("_Piece", bytes, memoryview)
PATIENCE, LEAST = 60.0, 100
"""Seconds over which the pace of what comes is looked at, and bytes per second below which it is given up."""
_EACH = 100_000  # bytes per second that each connection is left at least: servers close what reads too slowly


class Throttle:
    """Lets bytes pass at a rate, whoever brings them; threads wait in the order in which they come.

    Args:
        rate: bytes per second; 0 for no limit.
        clock: tells seconds that never go back.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        rate: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate, self._clock, self._sleep = rate, clock, sleep
        self._free, self._lock = 0.0, threading.Lock()  # when the line is free again

    def take(self, size: int) -> None:
        """Wait until so many bytes more have had their time."""
        if not self.rate:
            return
        with self._lock:
            now = self._clock()
            self._free = max(self._free, now) + size / self.rate
            wait = self._free - now
        self._sleep(wait)

    def paced(self, pieces: Iterable[_Piece]) -> Iterator[_Piece]:
        """Give pieces on, each when its time has come."""
        return self._paced(pieces) if self.rate else iter(pieces)

    def _paced(self, pieces: Iterable[_Piece]) -> Iterator[_Piece]:
        for piece in pieces:
            self.take(len(piece))
            yield piece


class TooSlowError(OSError):
    """What comes is too slow for anybody to wait for its end."""


def steady(pieces: Iterable[bytes], *, clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """Give pieces on while they come at a pace that ends some day; only the time they are waited for counts.

    Raises:
        TooSlowError: less than ``LEAST`` bytes per second came for ``PATIENCE`` seconds; a peer that sends a byte now
            and then would else hold a run for days, and no timeout between two reads would end it.
    """
    left, waited, came = iter(pieces), 0.0, 0
    while True:
        began = clock()
        piece = next(left, None)
        waited += clock() - began
        if piece is None:
            return
        came += len(piece)
        if waited >= PATIENCE:
            if came < LEAST * waited:
                raise TooSlowError(f"{came} bytes in {waited:.0f} seconds")
            waited, came = 0.0, 0
        yield piece


class Slots:
    """So many may be at it at a time; a thread that is, is let through again.

    Args:
        count: how many; 0 for any number.
    """

    def __init__(self, count: int = 0) -> None:
        self._free = threading.Semaphore(count) if count else None
        self._inside = threading.local()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a slot and hold it."""
        if self._free is None or getattr(self._inside, "yes", False):
            yield
            return
        with self._free:
            self._inside.yes = True
            try:
                yield
            finally:
                self._inside.yes = False


class Limits:
    """What requests to one upstream keep to.

    Args:
        throttle: paces the bytes of all upstreams together.
        slots: all of them have to be got, in this order, for a request.
    """

    def __init__(self, throttle: Throttle | None = None, slots: Sequence[Slots] = ()) -> None:
        self.throttle, self._slots = throttle or Throttle(), tuple(slots)

    def of(self, connections: int) -> Limits:
        """Return those of an upstream that takes so many requests at a time; 0: no limit of its own."""
        return Limits(self.throttle, (Slots(connections), *self._slots)) if connections else self

    def request(self) -> contextlib.AbstractContextManager[None]:
        """Wait until one more request may be sent, and count it until it is over."""
        return self._counted() if self._slots else contextlib.nullcontext()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for one in self._slots:
                stack.enter_context(one.one())
            yield


UNLIMITED = Limits()
"""As much as there is."""


def limits_of(rate: int, connections: int) -> Limits:
    """Return the limits of a run: bytes per second and requests at a time; 0 for none.

    At a low rate there are fewer connections, so that none of them is too slow for its server.
    """
    few = max(rate // _EACH, 1) if rate else 0
    count = min(one for one in (few, connections) if one) if few or connections else 0
    return Limits(Throttle(rate), (Slots(count),) if count else ())
