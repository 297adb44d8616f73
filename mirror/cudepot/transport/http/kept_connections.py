"""The short way to an upstream's bytes: over connections that are kept, and nothing in between.

``requests`` takes 75 ms to import and reads proxies, certificates and logins from the environment at every request;
with thousands of small packages, or with nothing to fetch at all, that costs more than the transfer: the rows
"full mirror: sync --lock" and "no change: sync --lock" of ``scripts/bench apt``. Whatever is not a plain answer of the
host itself (a proxy, a login, a redirect, a connection that breaks) is left to ``requests``, so that there is one place
that decides what it means.
"""

from __future__ import annotations

import contextlib
import itertools
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import NamedTuple
from urllib.parse import urlsplit

from cudepot.transport.http.connection import BROKEN, Line, Plain

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """Whom a URL leads to: scheme, host and port, and the target to ask for there."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def of(cls, url: str) -> Place | None:
        """Return the place of a URL; None where it holds a login or is no URL of http or https."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            return None
        if "@" in parts.netloc or not parts.hostname:
            return None
        path = parts.path or "/"
        return cls(parts.scheme, parts.hostname, port, f"{path}?{parts.query}" if parts.query else path)

    @property
    def authority(self) -> str:
        """Host and port, the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The part that connections are kept by."""
        return f"{self.scheme}://{self.authority}"


class Direct:
    """Asks hosts directly over kept connections.

    Args:
        timeout: seconds to connect, seconds between two reads.
        certificates: file or folder of the authorities that are trusted; empty for those of ``certifi``.
        allowed: says of a URL whether neither a proxy nor a login belongs to it.
    """

    def __init__(self, timeout: tuple[float, float], certificates: str, allowed: Callable[[str], bool]) -> None:
        self._timeout, self._certificates, self._allowed = timeout, certificates, allowed
        self._idle: dict[str, list[Line]] = {}
        self._may: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._context: SSLContext | None = None
        weakref.finalize(self, _close_all, self._idle).atexit = False

    def open(self, url: str, headers: Mapping[str, str]) -> Plain | None:
        """Return the answer to a GET; None where ``requests`` has to be asked."""
        place = Place.of(url)
        if place is None or not self._is_allowed(place):
            return None
        found = self._answer(place, headers)
        if found is not None and found.redirects:
            found.close()  # the body of a redirect may be endless
            return None
        return found

    def _is_allowed(self, place: Place) -> bool:
        with self._lock:
            if place.origin not in self._may:
                self._may[place.origin] = place.scheme in _PORTS and self._allowed(place.origin + "/")
            return self._may[place.origin]

    def _answer(self, place: Place, headers: Mapping[str, str]) -> Plain | None:
        """Ask over a kept connection, which the host may have closed meanwhile, or over a new one."""
        idle = self._idle.setdefault(place.origin, [])
        with contextlib.suppress(IndexError):
            while True:
                if (found := _asked(idle.pop(), place, headers)) is not None:
                    return found
        try:
            line = Line((place.host, place.port), place.authority, self._timeout, self._trusted(place), idle)
        except BROKEN:
            return None
        return _asked(line, place, headers)

    def _trusted(self, place: Place) -> SSLContext | None:
        if place.scheme == "http":
            return None
        with self._lock:
            self._context = self._context or trusting(self._certificates)
        return self._context


def _close_all(idle: Mapping[str, list[Line]]) -> None:
    for line in itertools.chain.from_iterable(idle.values()):
        line.close()


def _asked(line: Line, place: Place, headers: Mapping[str, str]) -> Plain | None:
    """Ask over one connection; None when it breaks."""
    try:
        return line.ask(place.target, headers)
    except BROKEN:
        line.close()
        return None


def trusting(certificates: str) -> SSLContext:
    """Return a context that trusts what ``requests`` would trust."""
    import certifi  # noqa: PLC0415 - where plain http is all there is, nobody needs it

    where = certificates or certifi.where()
    if Path(where).is_dir():
        return ssl.create_default_context(capath=where)
    return ssl.create_default_context(cafile=where)
