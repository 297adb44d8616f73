"""One kept connection to a host, and the answers that come over it, read by llhttp.

``http.client`` reads every head as if it were mail, which costs more than all the rest of fetching a small file.
llhttp (``httptools``) is the parser of Node.js: strict, in C, and it tells where an answer ends. It pays for the row
"full mirror: sync --lock" of ``scripts/bench apt``, which libcurl and urllib3 make 1.15 and 1.25 times as dear
(``docs/adr/0040``).
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping
from ssl import SSLContext

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from cudepot.transport.http.addresses import ADDRESSES
from cudepot.transport.limits import PATIENCE

PIECE = 1 << 18  # bytes read at once
_HEAD = 1 << 16  # bytes that a head may have, or whatever else is no body
_TARGET = re.compile(r"[!-~]+")  # RFC 9112 section 3.2: what may stand in a request line unescaped, and no space
BROKEN = (OSError, ValueError, HttpParserError, HttpParserUpgrade)


class Fields(dict[str, str]):
    """Header fields by name, whatever its case; of a field that comes twice the first counts."""

    def add(self, name: str, value: str) -> None:
        """Take a field as it came."""
        self.setdefault(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """Return the value of a field."""
        return super().get(name.lower(), default)


class Line:
    """A connection to a host.

    Args:
        address: host and port.
        host: what the ``Host`` field says.
        timeout: seconds to connect, seconds between two reads.
        context: for https, whom to trust.
        idle: where the connection waits for the next request.

    Raises:
        OSError: nobody answers there, or not with a certificate that is trusted.
    """

    def __init__(
        self,
        address: tuple[str, int],
        host: str,
        timeout: tuple[float, float],
        context: SSLContext | None,
        idle: list[Line],
    ) -> None:
        plain = ADDRESSES.connect(address, timeout[0])
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = context.wrap_socket(plain, server_hostname=address[0]) if context else plain
        except BaseException:
            plain.close()
            raise
        self.socket.settimeout(timeout[1])
        self._host, self.idle = host, idle

    def ask(self, target: str, headers: Mapping[str, str]) -> Plain:
        """Send a GET and return its answer, the body still to come.

        Raises:
            OSError: the connection broke.
            ValueError, HttpParserError: what was to be sent, or what came, is no HTTP.
        """
        self.socket.sendall(_request(target, {"Host": self._host, **headers}))
        return Plain(self)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


def _request(target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if not _TARGET.fullmatch(target) or any("\r" in line or "\n" in line for line in lines):
        raise ValueError(f"{target!r} cannot be requested")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Plain:
    """An answer of the host itself, good or bad; its ``on_`` methods are what llhttp calls.

    Attributes:
        status: its number.
        reason: what the host says beside it.
        headers: its fields.
    """

    def __init__(self, line: Line) -> None:
        self.line, self.headers = line, Fields()
        self.status, self.reason = 0, ""
        self._parser = HttpResponseParser(self)
        self._ready: list[bytes] = []  # of the body, what nobody has taken
        self._complete, self._lasting = False, False
        self._bodiless = 0  # bytes since the last of the body
        until = time.monotonic() + PATIENCE
        while not self.status:
            if time.monotonic() > until:  # each read has its own time limit, and may bring a byte
                raise TimeoutError(f"no whole head of an answer in {PATIENCE:.0f} seconds")
            self._feed()

    def _feed(self) -> None:
        """Let llhttp read what comes next; it keeps what it has read of a field, however long that gets."""
        data = self.line.socket.recv(PIECE)
        if data:
            self._bodiless += len(data)
            self._parser.feed_data(data)
            if self._bodiless > _HEAD and not self._complete:
                raise ValueError(f"more than {_HEAD} bytes of head in an answer")
        elif self.status and not self._is_framed():
            self._complete = True  # RFC 9112 section 6.3, number 8: the end is where the host closes
        else:
            raise ConnectionError("the host closed the connection too early")

    def _is_framed(self) -> bool:
        return "transfer-encoding" in self.headers or "content-length" in self.headers

    # called by llhttp

    def on_message_begin(self) -> None:
        """Notice an answer that nobody asked for: what else such a host sends is not read."""
        self._lasting = self._lasting and not self._complete

    def on_status(self, reason: bytes) -> None:
        """Take the text beside the number."""
        self.reason += reason.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; one behind a chunked body is left alone."""
        if not self.status:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        """Take the number; answers that only announce another one (RFC 9110 section 15.2) are passed over."""
        status = self._parser.get_status_code()
        if not self._complete and status < 200:
            self.headers, self.reason = Fields(), ""
        elif not self._complete:
            self.status, self._lasting = status, self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """Take a part of the body."""
        if not self._complete:
            self._ready.append(piece)
            self._bodiless = 0

    def on_message_complete(self) -> None:
        """Notice the end."""
        self._complete = self.status > 0

    # for who asked

    @property
    def redirects(self) -> bool:
        """Whether the answer sends us somewhere else."""
        return 300 <= self.status < 400 and self.status != 304

    def pieces(self) -> Iterator[bytes]:
        """Give the body in pieces as they come.

        Raises:
            OSError: it was cut, or did not come in time.
        """
        yield from self._taken()
        while not self._complete:
            try:
                self._feed()
            except (HttpParserError, HttpParserUpgrade, ValueError) as error:
                if not self._complete:
                    raise ConnectionError(f"the answer is not HTTP ({error})") from error
                self._lasting = False  # more came than was promised
            yield from self._taken()

    def _taken(self) -> Iterator[bytes]:
        ready, self._ready = self._ready, []
        yield from ready

    def close(self) -> None:
        """End the answer: read to its end its connection is kept, else it is closed, never drained."""
        del self._parser  # it holds our methods, and a circle waits for the collector
        if self._complete and self._lasting:
            self.line.idle.append(self.line)
        else:
            self.line.close()
