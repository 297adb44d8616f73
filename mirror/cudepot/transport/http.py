"""An upstream over HTTP: pooled connections by ``requests``, conditional reads, ranged streams, size caps."""

from __future__ import annotations

import contextlib
import copy
import email.utils
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.response import BaseHTTPResponse

from cudepot.errors import CutError, MissingError, TransientError, UpstreamError
from cudepot.ports import About, Page, Validators
from cudepot.transport.quick import Quick, chunks

TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds between two reads
_PIECE = 1 << 18  # bytes read at once
MOST_REDIRECTS = 8
_STEP_DOWN = "anyone on the way could change the bytes: ask the upstream, or use another mirror"
_TLS = "for a private certificate authority set REQUESTS_CA_BUNDLE to its file; else check the URL"
_PAST_CACHES = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class _Session(requests.Session):
    """A session that leaves redirects alone; even told not to follow them, requests reads their bodies whole."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Say that no response is a redirect: :meth:`HttpSource._request` follows them."""
        return


class HttpSource:
    """Bytes below one base URL; see :class:`cudepot.ports.Source`.

    Args:
        base: URL of the upstream's folder.
        accept: ``Accept`` header of small reads (content negotiation of PEP 691).
        user_agent: how cudepot introduces itself.
        connections: connections kept open at the most.
    """

    def __init__(self, base: str, *, accept: str = "*/*", user_agent: str, connections: int = 16) -> None:
        self.base = base if base.endswith("/") else base + "/"
        self._accept, self._fresh = accept, False
        self._session = _Session()
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        # The bytes are hashed as they are: no transfer compression between the upstream and the hash.
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
        self._quick = Quick(self._session, TIMEOUT)

    def url(self, path: str) -> str:
        """Return the absolute URL of ``path``; refuse to step down from https to http."""
        scheme = urlsplit(path).scheme
        if scheme not in ("http", "https"):
            return urljoin(self.base, quote(path, safe="/~"))
        if scheme == "http" and self.base.startswith("https:"):
            raise UpstreamError(f"{path}: the index at {self.base} points from https to plain http", hint=_STEP_DOWN)
        return path

    def fresh(self) -> HttpSource:
        """Return the same upstream over the same connections, asked past caches and without conditions.

        NVIDIA's servers let a 404 be cached for seven days.
        """
        other = copy.copy(self)
        other._fresh = True
        return other

    def read(self, path: str, *, limit: int, known: Validators | None = None) -> Page | None:
        """Return the document at ``path``, at most ``limit`` bytes; None when ``known`` still holds."""
        url = self.url(path)
        conditions = {} if self._fresh else _conditions(known)
        with self._request("GET", url, {"Accept": self._accept, **conditions}) as response:
            if response.status_code == 304 and known is not None:
                return None
            body = _bounded(url, response, limit)
            kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
            return Page(body, _validators(response.headers), kind, response.url)

    def size(self, path: str) -> int:
        """Return the size of ``path`` in bytes, as a HEAD request tells it."""
        url = self.url(path)
        with self._request("HEAD", url, {}) as response:
            length = response.headers.get("Content-Length", "")
            if not length.isdecimal():
                raise UpstreamError(
                    f"{url}: the server does not say how long the file is",
                    hint="use an index that gives sizes (PEP 700), or a server that sends Content-Length",
                )
            return int(length)

    def about(self, path: str) -> About:
        """Return size and time of ``path``, as a HEAD request tells them."""
        with self._request("HEAD", self.url(path), {}) as response:
            length = response.headers.get("Content-Length", "")
            modified = response.headers.get("Last-Modified", "")
            return About(int(length) if length.isdecimal() else -1, modified)

    @contextlib.contextmanager
    def stream(self, path: str, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open ``path`` at byte ``offset``; give the offset really served and the chunks from there."""
        url, headers = self.url(path), {"Range": f"bytes={offset}-"} if offset else {}
        plain = self._quick.open(url, {**headers, **(_PAST_CACHES if self._fresh else {})})
        if plain is not None:
            try:
                _check_status(url, plain.status, plain.reason or "", plain.headers)
                yield _served_offset(url, plain.status, plain.headers, offset), _guarded(url, chunks(plain, _PIECE))
            finally:
                _let_go(plain)
            return
        with self._request("GET", url, headers) as response:
            offered = _served_offset(response.url, response.status_code, response.headers, offset)
            yield offered, _chunks(url, response)

    @contextlib.contextmanager
    def _request(self, method: str, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """Send a request and follow redirects: requests itself would read their bodies, however long."""
        at = url
        for _ in range(MOST_REDIRECTS):
            with self._send(method, at, headers) as response:
                if not response.is_redirect:
                    _check_status(url, response.status_code, response.reason, response.headers)
                    yield response
                    return
                at = _redirected(url, at, response.headers["Location"])
        raise UpstreamError(f"{url}: more than {MOST_REDIRECTS} redirects", hint="check the URL of the upstream")

    def _send(self, method: str, url: str, headers: dict[str, str]) -> requests.Response:
        headers = {**headers, **_PAST_CACHES} if self._fresh else headers
        try:
            return self._session.request(
                method, url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.exceptions.SSLError as error:
            raise UpstreamError(f"{url}: {_reason(error)}", hint=_TLS) from error
        except requests.exceptions.InvalidURL as error:
            raise UpstreamError(f"{url}: {_reason(error)}", hint="check the URL of the upstream") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TransientError(f"{url}: {_reason(error)}", hint="check the URL, the network and the proxy") from error


def _redirected(url: str, at: str, location: str) -> str:
    """Return where a redirect leads; refuse plain http after https, and anything that is not HTTP."""
    try:
        target = urljoin(at, location)
        scheme, host = urlsplit(target).scheme, urlsplit(target).hostname
    except ValueError as error:
        raise UpstreamError(f"{url}: redirected to no URL: {location[:200]!r}", hint="the server is broken") from error
    if scheme == "http" and at.startswith("https:"):
        raise UpstreamError(f"{url}: redirected from https to plain http at {target}", hint=_STEP_DOWN)
    if scheme not in ("http", "https") or not host:
        raise UpstreamError(f"{url}: redirected to {location[:200]!r}", hint="only http and https are followed")
    return target


def _conditions(known: Validators | None) -> dict[str, str]:
    if known is None:
        return {}
    fields = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in fields.items() if value}


def _check_status(url: str, status: int, reason: str, headers: Mapping[str, str]) -> None:
    if status in (200, 206, 304):
        return
    if status in _TRANSIENT:
        raise TransientError(
            f"{url}: HTTP {status} {reason}",
            hint="the upstream is overloaded or down: try again later",
            retry_after=_retry_after(headers),
            status=status,
        )
    hints = {
        401: "the upstream wants a login: put it into ~/.netrc",
        403: "the upstream refuses this client or path",
        404: "check the URL; if the upstream's own index names this file, the upstream is inconsistent",
        416: "the file upstream is shorter than it was: it was replaced, or an edge is stale; try `cudepot lock`",
    }
    kind = MissingError if status in (403, 404, 410) else UpstreamError
    raise kind(f"{url}: HTTP {status} {reason}", hint=hints.get(status, "check the URL of the upstream"))


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _served_offset(url: str, status: int, headers: Mapping[str, str], offset: int) -> int:
    if status != 206:
        return 0
    start = headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    if not start.isdecimal() or int(start) != offset:
        raise UpstreamError(
            f"{url}: asked for bytes from {offset}, got {start!r}", hint="the server or a proxy is broken"
        )
    return offset


def _let_go(response: BaseHTTPResponse) -> None:
    """End an answer: read to its end its connection is in the pool again, else it is closed, never drained."""
    response.close()
    response.release_conn()


def _chunks(url: str, response: requests.Response) -> Iterator[bytes]:
    # The bytes as they came: some servers label a .gz file as an encoding, and hashes are over the file.
    yield from _guarded(url, response.raw.stream(_PIECE, decode_content=False))


def _guarded(url: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise CutError(
            f"{url}: the transfer was cut ({_reason(error)})",
            hint="check the network and the proxy; run the command again: what has arrived is kept",
        ) from error


def _bounded(url: str, response: requests.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in _chunks(url, response):
        body += chunk
        if len(body) > limit:
            raise UpstreamError(
                f"{url}: more than {limit} bytes where a small document was expected",
                hint="check the URL: this is no index of the kind expected, or it is made to do harm",
            )
    return bytes(body)


def _validators(headers: Mapping[str, str]) -> Validators | None:
    """Keep validators only when they are strong enough to prove that nothing changed.

    A date has a resolution of one second, and many servers derive the entity tag from it: a response whose
    ``Last-Modified`` is not at least two seconds older than its ``Date`` may still change unseen (RFC 9110
    section 8.8.2.2).
    """
    modified = headers.get("Last-Modified", "")
    etag = headers.get("ETag", "")
    if not modified:
        return Validators(etag=etag) if etag and not etag.startswith("W/") else None
    try:
        age = email.utils.parsedate_to_datetime(headers["Date"]) - email.utils.parsedate_to_datetime(modified)
    except (KeyError, ValueError, TypeError):
        return None
    return Validators(etag, modified) if age.total_seconds() >= 2 else None


def _reason(error: Exception) -> str:
    """Return the innermost cause in a few words: requests wraps urllib3 wraps the socket."""
    inner: BaseException = error
    while (inner.__cause__ or inner.__context__) is not None:
        inner = inner.__cause__ or inner.__context__ or inner
    text = str(inner) or type(inner).__name__
    return " ".join(text.split())[:200]
