"""A slow line that is cut again and again: each connection ends after some bytes, in the middle of whatever it was."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

_PIECE = 1 << 15
_RESET = struct.pack("ii", 1, 0)


class CutLine:
    """Relays a port of this machine to the server at ``url``.

    Args:
        url: of the server.
        most: bytes that a connection lets through at the most; how many of them is drawn anew for each.
        rate: bytes a second that a connection lets through.
        seed: of what is drawn.

    Attributes:
        sent: bytes that came from the server and were passed on, heads of answers included.
        cuts: how many connections were cut.
    """

    def __init__(self, url: str, *, most: int, rate: float, seed: int = 1) -> None:
        self._to = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self._most, self._rate, self._random = most, rate, random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._lock = threading.Lock()
        self.sent = self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """What reaches the server through it."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, far = self._listener.accept()[0], socket.create_connection(self._to)
                budget = self._random.randint(self._most // 10, self._most)
                threading.Thread(target=self._up, args=(near, far), daemon=True).start()
                threading.Thread(target=self._down, args=(far, near, budget), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(_PIECE):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _down(self, far: socket.socket, near: socket.socket, budget: int) -> None:
        """Pass on what the budget allows, then reset both ends."""
        with contextlib.suppress(OSError):
            while budget and (data := far.recv(min(_PIECE, budget))):
                near.sendall(data)
                budget -= len(data)
                with self._lock:
                    self.sent += len(data)
                time.sleep(len(data) / self._rate)
        with self._lock:
            self.cuts += not budget
        for one in (near, far):
            with contextlib.suppress(OSError):
                if not budget and one is far:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def cut_line(url: str, *, most: int, rate: float, seed: int = 1) -> Iterator[CutLine]:
    """Give such a line to a server."""
    one = CutLine(url, most=most, rate=rate, seed=seed)
    try:
        yield one
    finally:
        one.close()
