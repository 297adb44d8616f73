"""Serves a folder over HTTP/1.1 on loopback as a good static host does, and misbehaves per path on request.

Good: keep-alive, HEAD, ETag and Last-Modified with conditional requests, single ranges with If-Range, ``%2B``,
``//`` and ``/./`` in paths, index pages, wheel index by Accept header. Every request is recorded.
"""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import posixpath
import re
import socket
import threading
import time
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from urllib.parse import unquote, urlsplit

from simulator.faults import Answer, Cached, Cut, Endless, Fault, Flip, Replace, SameSize, Stall, Status

_F = TypeVar("_F", bound=Fault)
_JSON = "application/vnd.pypi.simple.v1+json"
_TYPES = {
    ".whl": "application/zip", ".deb": "application/vnd.debian.binary-package", ".zst": "application/zstd",
    ".gz": "application/gzip", ".xz": "application/x-xz", ".tgz": "application/gzip", ".json": "application/json",
    ".conda": "application/octet-stream",
}  # fmt: skip


class Seen(NamedTuple):
    """One request as it was answered: ``path`` decoded and normalised, ``headers`` with lower-case names."""

    method: str
    path: str
    status: int
    headers: dict[str, str]


class Server:
    """A web server over ``root`` on a free loopback port; use it as a context manager.

    Attributes:
        root: the folder served.
        extra: bodies by absolute path that take precedence over the folder.
        requests: everything asked for so far.
        delay: seconds to wait before each answer, in place of a round trip.
        ranges: whether Range requests are honoured.
        absent: status for what is not there; some buckets answer 403.
        validators: whether ETag and Last-Modified are sent.
        young: files changed less than that many seconds ago have no Last-Modified, because a date of one-second
            resolution cannot tell them from the next version; 0 for a server that does not care.
        authorization: value the Authorization header must have; empty means everyone may.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.extra: dict[str, bytes] = {}
        self.requests: list[Seen] = []
        self.delay = 0.0
        self.ranges = self.validators = True
        self.absent = 404
        self.authorization, self.young = "", 2.0
        self._faults: list[tuple[str, Fault]] = []
        self._http = _Listener(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.heal()
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join(timeout=10)

    @property
    def port(self) -> int:
        """Port number."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Base URL without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    # what was asked for

    def count(self, pattern: str = "*", *, method: str = "", status: int = 0) -> int:
        """Return how many requests matched (``fnmatch`` on the path)."""
        return len(self.seen(pattern, method=method, status=status))

    def seen(self, pattern: str = "*", *, method: str = "", status: int = 0) -> list[Seen]:
        """Return the requests that matched."""
        return [
            one for one in list(self.requests)
            if fnmatchcase(one.path, pattern) and method in ("", one.method) and status in (0, one.status)
        ]  # fmt: skip

    def forget(self) -> None:
        """Start counting anew."""
        self.requests.clear()

    # misbehaviour; ``path`` is absolute, decoded, and may hold * and ?

    def fault(self, path: str, fault: _F) -> _F:
        """Make requests for ``path`` go wrong as ``fault`` says."""
        self._faults.append((path, fault))
        return fault

    def heal(self, path: str = "") -> None:
        """Forget the faults of ``path``, or all, and release what is stalled."""
        for where, fault in self._faults:
            if isinstance(fault, Stall) and path in ("", where):
                fault.release()
        self._faults = [one for one in self._faults if path not in ("", one[0])]

    def missing(self, path: str, *, after: int = 0, times: int | None = None) -> Status:
        """404, from the first request or after some good ones."""
        return self.fault(path, Status(404, after=after, times=times))

    def cached_missing(self, path: str) -> Cached:
        """404 out of a cache, for everyone who does not ask past it."""
        return self.fault(path, Cached(404, {"Cache-Control": "max-age=604800"}))

    def unavailable(self, path: str, times: int | None = 1, *, retry_after: str = "0", after: int = 0) -> Status:
        """503 with Retry-After, ``times`` times."""
        return self.fault(path, Status(503, {"Retry-After": retry_after}, after=after, times=times))

    def redirect(self, path: str, location: str) -> Status:
        """301 to ``location``."""
        return self.fault(path, Status(301, {"Location": location}))

    def cut(self, path: str, at: int, times: int | None = None, *, after: int = 0) -> Cut:
        """Close the connection after ``at`` bytes of each answer."""
        return self.fault(path, Cut(at, times=times, after=after))

    def flip(self, path: str, at: int = -1, times: int | None = None) -> Flip:
        """Damage one byte on the way."""
        return self.fault(path, Flip(at, times=times))

    def same_size(self, path: str, times: int | None = None) -> SameSize:
        """Serve other content of the same size."""
        return self.fault(path, SameSize(times=times))

    def replace(self, path: str, body: bytes, times: int | None = None, *, after: int = 0) -> Replace:
        """Serve ``body`` instead: wrong size, older index, anything."""
        return self.fault(path, Replace(body, times=times, after=after))

    def stale(self, *paths: str, times: int | None = None) -> None:
        """Go on serving ``paths`` as they are now, whatever is published from here on: a stale edge."""
        for path in paths:
            file = self.root / path.lstrip("/")
            self.fault(path, Replace(file.read_bytes(), modified=file.stat().st_mtime, times=times))

    def stall(self, path: str, at: int, times: int | None = 1) -> Stall:
        """Send ``at`` bytes, then wait for ``.release()``."""
        return self.fault(path, Stall(at, times=times))

    def endless(self, path: str) -> Endless:
        """Send without end."""
        return self.fault(path, Endless())

    # answers

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer for a normalised path, faults applied; ``headers`` with lower-case names."""
        answer = self._good(path, headers.get("accept", ""))
        for pattern, fault in list(self._faults):
            if fnmatchcase(path, pattern) and fault.meets(headers) and fault.due():
                fault.apply(answer)
        answer.etag = answer.etag or _etag(answer.body)
        return answer

    def _good(self, path: str, accept: str) -> Answer:
        if path in self.extra:
            body = self.extra[path]
            return Answer(200, body, {"Content-Type": _media_type(path)}, _etag(body), time.time() - 60)
        file = self.root / path.lstrip("/")
        headers = {}
        if file.is_dir():
            if not path.endswith("/"):
                return Answer(301, b"", {"Location": f"{path}/"})
            json = _JSON in accept and (file / "index.json").is_file()
            file /= "index.json" if json else "index.html"
            headers = {"Vary": "Accept", "Content-Type": _JSON if json else "text/html; charset=utf-8"}
        if not file.is_file():
            return Answer(self.absent, b"no such x\n", {"Content-Type": "text/plain"})
        headers.setdefault("Content-Type", _media_type(file.name))
        body = file.read_bytes()
        return Answer(200, body, headers, _etag(body), file.stat().st_mtime)


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _media_type(name: str) -> str:
    suffix = posixpath.splitext(name)[1]
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _normalized(target: str) -> str | None:
    """Return the decoded path without ``//`` and ``/./``; None when it climbs."""
    path = unquote(urlsplit(f"http://x{target}" if target.startswith("/") else target).path)
    if ".." in path.split("/"):
        return None
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith("/") and clean != "/" else clean


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: Server

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        one, address = super().get_request()
        self._open.add(one)
        return one, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Listener

    def do_GET(self) -> None:
        self._serve(send_body=True)

    def do_HEAD(self) -> None:
        self._serve(send_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests are recorded by the owner instead."""

    def _serve(self, *, send_body: bool) -> None:
        owner, path = self.server.owner, _normalized(self.path)
        if owner.delay:
            time.sleep(owner.delay)
        answer = self._answer(owner, path)
        if answer.status == 200 and owner.validators:
            answer.headers["ETag"] = answer.etag
            if answer.modified <= time.time() - owner.young:
                answer.headers["Last-Modified"] = formatdate(answer.modified, usegmt=True)
            self._conditional(answer)
        body = self._ranged(answer) if answer.status == 200 and owner.ranges else answer.body
        headers = {name.lower(): text for name, text in self.headers.items()}
        owner.requests.append(Seen(self.command, path or self.path, answer.status, headers))
        self._send(answer, body, send_body=send_body)

    def _answer(self, owner: Server, path: str | None) -> Answer:
        if path is None:
            return Answer(400, b"no\n")
        if owner.authorization and self.headers.get("Authorization") != owner.authorization:
            return Answer(401, b"who?\n", {"WWW-Authenticate": 'Basic realm="stand-in"'})
        return owner.answer(path, {name.lower(): text for name, text in self.headers.items()})

    def _conditional(self, answer: Answer) -> None:
        """Turn the answer into 304 when the client's validators still hold (RFC 9110 section 13.2.2)."""
        tags, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        if tags is not None:
            same = answer.etag in re.findall(r'"[^"]*"', tags) or tags.strip() == "*"
        else:
            dated = since is not None and "Last-Modified" in answer.headers
            same = dated and int(answer.modified) <= parsedate_to_datetime(str(since)).timestamp()
        if same:
            answer.status, answer.body = 304, b""

    def _ranged(self, answer: Answer) -> bytes:
        """Return the part asked for, with status and Content-Range set; the whole body when no range holds."""
        answer.headers["Accept-Ranges"] = "bytes"
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not found or found.group() == "bytes=-" or condition not in (
            None, answer.headers.get("ETag"), answer.headers.get("Last-Modified")
        ):  # fmt: skip
            return answer.body
        size, (first, last) = len(answer.body), found.groups()
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last) if first and last else size - 1, size - 1)
        if start >= size or end < start:
            answer.status, answer.headers["Content-Range"] = 416, f"bytes */{size}"
            return b""
        answer.status, answer.headers["Content-Range"] = 206, f"bytes {start}-{end}/{size}"
        return answer.body[start : end + 1]

    def _send(self, answer: Answer, body: bytes, *, send_body: bool) -> None:
        self.send_response(answer.status)
        for name, text in answer.headers.items():
            self.send_header(name, text)
        if answer.endless:
            self.send_header("Connection", "close")
        elif answer.status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not send_body:
            return
        for piece in answer.slices(body):
            self.wfile.write(piece)
        if answer.endless:
            while True:  # until the client goes away or the server closes its connections
                self.wfile.write(bytes(65536))
        if 0 <= answer.cut < len(body):
            self.close_connection = True
