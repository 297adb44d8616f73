"""Connects to hosts, each looked up once for however many connections are opened to it.

Sixteen threads that begin at once would ask the resolver sixteen times. It drops what is too much, and the C library
asks again after five seconds, which is longer than all else such a run does.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import defaultdict
from typing import Any, NamedTuple

Address = tuple[str, int]
_LASTS = 60.0  # seconds


class _Found(NamedTuple):
    """What a host was found at, and when (monotonic seconds)."""

    places: list[tuple[Any, ...]]
    at: float


class Addresses:
    """Remembers for a minute where hosts are."""

    def __init__(self) -> None:
        self._found: dict[Address, _Found] = {}
        self._looking: defaultdict[Address, threading.Lock] = defaultdict(threading.Lock)

    def connect(self, address: Address, timeout: float) -> socket.socket:
        """Return a connection to the first of a host's addresses that answers.

        Args:
            address: name and port.
            timeout: seconds for each address.

        Raises:
            OSError: the name is not known, or none of its addresses answers.
        """
        error = OSError(f"{address[0]}: no address")
        for family, kind, protocol, _, place in self._places(address):
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(timeout)
                line.connect(place)
            except OSError as reason:
                line.close()
                error = reason
            else:
                return line
        with contextlib.suppress(KeyError):
            del self._found[address]
        raise error

    def _places(self, address: Address) -> list[tuple[Any, ...]]:
        """Return where a host is; who asks while it is looked up waits for that answer."""
        with self._looking[address]:
            known = self._found.get(address)
            if known is None or time.monotonic() - known.at > _LASTS:
                known = _Found(list(socket.getaddrinfo(*address, type=socket.SOCK_STREAM)), time.monotonic())
                self._found[address] = known
            return known.places


ADDRESSES = Addresses()
"""Those of this process."""
