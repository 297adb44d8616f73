"""The short way to an upstream's bytes: ``http.client`` over connections that are kept, and nothing in between.

``requests`` takes 75 ms to import and reads proxies, certificates and logins from the environment at every request;
with thousands of small packages, or with nothing to fetch at all, that costs more than the transfer. Whatever is
not a plain answer of the host itself (a proxy, a login, a redirect, a connection that breaks) is left to
``requests``, so that there is one place that decides what it means.
"""

from __future__ import annotations

import contextlib
import itertools
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from ssl import SSLContext
from typing import NamedTuple, cast
from urllib.parse import urlsplit

PIECE = 1 << 18  # bytes read at once
_BROKEN = (HTTPException, OSError, ValueError)


class Place(NamedTuple):
    """Whom a URL leads to: scheme, host and port, and the target to ask for there."""

    scheme: str
    host: str
    port: int | None
    target: str

    @classmethod
    def of(cls, url: str) -> Place | None:
        """Return the place of a URL; None where it holds a login or is no URL."""
        try:
            parts = urlsplit(url)
            found = cls(parts.scheme, parts.hostname or "", parts.port, parts.path or "/")
        except ValueError:
            return None
        if "@" in parts.netloc or not found.host:
            return None
        return cls(found.scheme, found.host, found.port, f"{found.target}?{parts.query}") if parts.query else found

    @property
    def origin(self) -> str:
        """The part that connections are kept by."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")


class Plain:
    """An answer of the host itself, good or bad; :meth:`close` gives its connection back where that can be."""

    def __init__(self, line: HTTPConnection, answer: HTTPResponse, idle: list[HTTPConnection]) -> None:
        self._line, self._answer, self._idle = line, answer, idle
        self._left = answer.length  # counted here: what http.client does with it differs between Pythons
        self.status, self.reason, self.headers = (
            answer.status,
            answer.reason or "",
            cast(Mapping[str, str], answer.headers),
        )

    @property
    def redirects(self) -> bool:
        """Tell whether the answer sends us somewhere else."""
        return 300 <= self.status < 400 and self.status != 304

    def pieces(self) -> Iterator[bytes]:
        """Give the body in pieces as they come.

        Raises:
            OSError, HTTPException: it was cut, or did not come in time.
        """
        while self._left != 0 and (piece := self._answer.read1(min(self._left or PIECE, PIECE))):
            self._left = None if self._left is None else self._left - len(piece)
            yield piece
        if self._left:  # http.client itself says nothing where a body ends early
            raise IncompleteRead(b"", self._left)
        self._left = 0

    def close(self) -> None:
        """End the answer: read to its end its connection is kept, else it is closed, never drained."""
        self._answer.close()
        if self._left == 0 and not self._answer.will_close:
            self._idle.append(self._line)
        else:
            self._line.close()


class Direct:
    """Asks hosts directly over kept connections.

    Args:
        timeout: seconds to connect, seconds between two reads.
        certificates: file or folder of the authorities that are trusted; empty for those of ``certifi``.
        allowed: tells of a URL whether neither a proxy nor a login belongs to it.
    """

    def __init__(self, timeout: tuple[float, float], certificates: str, allowed: Callable[[str], bool]) -> None:
        self._timeout, self._certificates, self._allowed = timeout, certificates, allowed
        self._idle: dict[str, list[HTTPConnection]] = {}
        self._may: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._context: SSLContext | None = None

    def __del__(self) -> None:
        for line in itertools.chain.from_iterable(self._idle.values()):
            line.close()

    def open(self, url: str, headers: Mapping[str, str]) -> Plain | None:
        """Return the answer to a GET; None where ``requests`` has to be asked."""
        place = Place.of(url)
        if place is None or not self._is_allowed(place):
            return None
        idle = self._idle.setdefault(place.origin, [])
        found = None
        with contextlib.suppress(IndexError):
            while found is None:  # a kept connection may have been closed by the host meanwhile
                found = _asked(idle.pop(), place, headers, idle)
        found = found or self._asked_anew(place, headers, idle)
        if found is not None and found.redirects:
            found.close()  # the body of a redirect may be endless
            return None
        return found

    def _is_allowed(self, place: Place) -> bool:
        with self._lock:
            if place.origin not in self._may:
                self._may[place.origin] = place.scheme in ("http", "https") and self._allowed(place.origin + "/")
            return self._may[place.origin]

    def _asked_anew(self, place: Place, headers: Mapping[str, str], idle: list[HTTPConnection]) -> Plain | None:
        connect, read = self._timeout
        try:
            line = self._line(place, connect)
            line.connect()
        except _BROKEN:
            return None
        line.sock.settimeout(read)
        return _asked(line, place, headers, idle)

    def _line(self, place: Place, timeout: float) -> HTTPConnection:
        if place.scheme == "http":
            return HTTPConnection(place.host, place.port, timeout=timeout)
        with self._lock:
            self._context = self._context or trusting(self._certificates)
        return HTTPSConnection(place.host, place.port, timeout=timeout, context=self._context)


def _asked(line: HTTPConnection, place: Place, headers: Mapping[str, str], idle: list[HTTPConnection]) -> Plain | None:
    """Ask over one connection; None when it breaks."""
    try:
        line.request("GET", place.target, headers=dict(headers))
        return Plain(line, line.getresponse(), idle)
    except _BROKEN:
        line.close()
        return None


def trusting(certificates: str) -> SSLContext:
    """Return a context that trusts what ``requests`` would trust."""
    import certifi  # noqa: PLC0415 - where plain http is all there is, nobody needs it

    where = certificates or certifi.where()
    if Path(where).is_dir():
        return ssl.create_default_context(capath=where)
    return ssl.create_default_context(cafile=where)
