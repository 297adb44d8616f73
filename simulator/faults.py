"""The ways a server can misbehave: each fault says what to do with one answer it is asked about."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_SLICE = 16 * 1024


@dataclass
class Answer:
    """A response before it is sent; faults change it.

    Attributes:
        body: the whole entity, before any range is taken from it.
        etag: made from ``body`` by the server when left empty.
        cut: bytes of the response's body after which the connection is closed, or -1.
        stall: where and until when sending pauses.
        endless: send without a length and never stop.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    modified: float = 0.0
    cut: int = -1
    stall: Stall | None = None
    endless: bool = False

    def slices(self, body: bytes) -> Iterator[bytes]:
        """Yield what is sent of ``body``, pausing and ending early as the faults want it."""
        sent, end = 0, len(body) if self.cut < 0 else min(self.cut, len(body))
        while sent < end:
            if self.stall is not None and sent <= self.stall.at < sent + _SLICE:
                yield body[sent : min(self.stall.at, end)]
                sent = min(self.stall.at, end)
                self.stall.wait()
                self.stall = None
                continue
            yield body[sent : min(sent + _SLICE, end)]
            sent = min(sent + _SLICE, end)


class Fault:
    """One misbehaviour. ``after`` requests pass unharmed, then ``times`` are hit (None: all)."""

    def __init__(self, *, after: int = 0, times: int | None = None) -> None:
        self._after, self._left = after, times
        self._lock = threading.Lock()

    def meets(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request with these headers (names in lower case) can be hit at all."""
        return True

    def due(self) -> bool:
        """Count one request; tell whether it is hit."""
        with self._lock:
            if self._after > 0:
                self._after -= 1
                return False
            if self._left is None:
                return True
            self._left -= 1
            return self._left >= 0

    def apply(self, answer: Answer) -> None:
        """Change the answer."""
        raise NotImplementedError


class Status(Fault):
    """Answers with a status and a short body instead (404, 503, 301 …)."""

    def __init__(
        self, status: int, headers: dict[str, str] | None = None, *, after: int = 0, times: int | None = None
    ) -> None:
        super().__init__(after=after, times=times)
        self.status, self.headers = status, headers or {}

    def apply(self, answer: Answer) -> None:
        """Replace status and body."""
        answer.status, answer.body, answer.etag = self.status, b"no such x\n", ""
        answer.headers |= self.headers


class Cached(Status):
    """A status that a cache on the way goes on giving to everyone who does not ask past it (NVIDIA: 404, 7 days)."""

    def meets(self, headers: Mapping[str, str]) -> bool:
        """Hit those only that are content with what a cache has."""
        return headers.get("cache-control") != "no-cache"


class Cut(Fault):
    """Closes the connection after ``at`` bytes, the full Content-Length announced."""

    def __init__(self, at: int, *, after: int = 0, times: int | None = None) -> None:
        super().__init__(after=after, times=times)
        self.at = at

    def apply(self, answer: Answer) -> None:
        """Mark where to stop."""
        answer.cut = self.at


class Flip(Fault):
    """Flips one bit of the byte at ``at`` (negative: from the end) on the way; size and validators stay."""

    def __init__(self, at: int = -1, *, after: int = 0, times: int | None = None) -> None:
        super().__init__(after=after, times=times)
        self.at = at

    def apply(self, answer: Answer) -> None:
        """Flip the bit."""
        body = bytearray(answer.body)
        body[self.at] ^= 1
        answer.body = bytes(body)


class Replace(Fault):
    """Serves another body, as after a replacement in place or from a stale edge; validators are its own."""

    def __init__(self, body: bytes, *, modified: float | None = None, after: int = 0, times: int | None = None) -> None:
        super().__init__(after=after, times=times)
        self.body, self.modified = body, modified

    def apply(self, answer: Answer) -> None:
        """Put the other body in."""
        answer.body, answer.etag, answer.status = self.body, "", 200
        answer.modified = answer.modified if self.modified is None else self.modified


class SameSize(Fault):
    """Serves other content of the same size, as NVIDIA's debs re-signed in place."""

    def apply(self, answer: Answer) -> None:
        """Turn every byte of the second half into its complement."""
        half = len(answer.body) // 2
        answer.body = answer.body[:half] + bytes(byte ^ 0xFF for byte in answer.body[half:])
        answer.etag = ""


class Stall(Fault):
    """Sends ``at`` bytes, then nothing until :meth:`release`; ``reached`` is set when it has begun to wait."""

    def __init__(self, at: int, *, after: int = 0, times: int | None = None) -> None:
        super().__init__(after=after, times=times)
        self.at = at
        self.reached, self._released = threading.Event(), threading.Event()

    def apply(self, answer: Answer) -> None:
        """Mark where to wait."""
        answer.stall = self

    def wait(self) -> None:
        """Wait, in the server, until released."""
        self.reached.set()
        self._released.wait(timeout=120)

    def release(self) -> None:
        """Let the rest through."""
        self._released.set()


class Endless(Fault):
    """Sends without end and without a length."""

    def apply(self, answer: Answer) -> None:
        """Mark it so."""
        answer.endless = True


class BadRange(Fault):
    """Answers a request for the rest of a file badly, and one for all of it well.

    Args:
        how: a status as text (``416``), or one of the ways of :meth:`apply`.
    """

    def __init__(self, how: str) -> None:
        super().__init__()
        self._how, self._offset = how, 0

    def meets(self, headers: Mapping[str, str]) -> bool:
        """Only requests for the rest of a file."""
        found = headers.get("range", "").removeprefix("bytes=").removesuffix("-")
        self._offset = int(found or 0)
        return bool(found)

    def apply(self, answer: Answer) -> None:
        """Send something else than was asked for."""
        if self._how.isdecimal():
            answer.status, answer.body = int(self._how), b"no\n"
            return
        size, at = len(answer.body), self._offset
        answer.status = 206
        start, end, said = {
            "from the beginning": (0, size, f"bytes 0-{size - 1}/{size}"),
            "lower": (at - 100, size, f"bytes {at - 100}-{size - 1}/{size}"),
            "lower, of unknown length": (at - 100, size, f"Bytes {at - 100}-{size - 1}/*"),
            "higher": (at + 100, size, f"bytes {at + 100}-{size - 1}/{size}"),
            "only some": (at, at + 70_000, f"bytes {at}-{min(at + 70_000, size) - 1}/{size}"),
            "nowhere said": (at, size, ""),
            "nowhere said, all": (0, size, ""),
            "no bytes": (at, size, f"lines {at}-{size - 1}/{size}"),
            "no numbers": (at, size, f"bytes {'9' * 5000}-{size - 1}/{size}"),
            "other bytes": (0, size - at, f"bytes {at}-{size - 1}/{size}"),
            "several": (at, size, f"bytes {at}-{size - 1}/{size}"),
        }[self._how]
        answer.body = answer.body[start:end]
        if said:
            answer.headers["Content-Range"] = said
        if self._how == "several":
            answer.headers["Content-Type"] = "multipart/byteranges; boundary=x"
            answer.body = b"--x\r\nContent-Range: bytes 0-9/10\r\n\r\n" + answer.body + b"\r\n--x--\r\n"


BAD_RANGES = (
    "from the beginning", "lower", "lower, of unknown length", "higher", "only some", "nowhere said",
    "nowhere said, all", "no bytes", "no numbers", "other bytes", "several", "400", "403", "404", "405", "416", "500",
    "501", "503",
)  # fmt: skip
"""The ways of :class:`BadRange`."""
