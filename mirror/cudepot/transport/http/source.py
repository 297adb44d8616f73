"""An upstream over HTTP: kept connections, conditional reads, ranged streams, size caps."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from urllib.parse import quote, urljoin

from cudepot.errors import CutError, MissingError, SlowError, TransientError, UpstreamError
from cudepot.ports import About, Page, Validators
from cudepot.transport.http.connection import PIECE
from cudepot.transport.http.kept_connections import Direct
from cudepot.transport.http.ranges import UNSATISFIABLE, Served, served
from cudepot.transport.http.redirects import STEP_DOWN
from cudepot.transport.limits import UNLIMITED, Limits, TooSlowError, steady
from cudepot.urls import LOGIN_PLACE, split_url

if TYPE_CHECKING:
    from cudepot.transport.http.requests_session import Session

TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds between two reads
_PAST_CACHES = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class _Answer(NamedTuple):
    """An answer, whichever way it came; ``url`` is where it was in the end."""

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class HttpSource:
    """Bytes below one base URL; see :class:`cudepot.ports.Source`.

    Args:
        base: URL of the upstream's folder.
        accept: ``Accept`` header of small reads (content negotiation of PEP 691).
        user_agent: how cudepot introduces itself.
        connections: connections kept open at the most.
        plain: the environment names neither proxies nor logins, so that nobody has to look for them: the row
            "no change: sync --lock" of ``scripts/bench apt``.
        certificates: file or folder of authorities that are trusted instead of the usual ones.
        limits: bytes per second and requests at a time.
    """

    def __init__(
        self,
        base: str,
        *,
        accept: str = "*/*",
        user_agent: str,
        connections: int = 40,
        plain: bool = False,
        certificates: str = "",
        limits: Limits = UNLIMITED,
    ) -> None:
        self.base = base if base.endswith("/") else base + "/"
        self._limits = limits
        self._accept, self._fresh, self._connections = accept, False, connections
        # The bytes are hashed as they are: no transfer compression between the upstream and the hash.
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._session = functools.cache(self._made_session)
        self._direct = Direct(TIMEOUT, certificates, lambda url: plain or self._session().is_plain(url))

    def _made_session(self) -> Session:
        from cudepot.transport.http.requests_session import Session  # noqa: PLC0415 - requests takes 75 ms to import

        return Session(self._headers, TIMEOUT, self._connections)

    def url(self, path: str) -> str:
        """Return the absolute URL of ``path``; refuse to step down from https to http."""
        if not path.lower().startswith(("http://", "https://")):
            return urljoin(self.base, quote(path, safe="/~"))
        parts = split_url(path)
        if parts is None or not parts.hostname:
            raise UpstreamError(
                f"{path!r}: the index at {self.base} contains something that is not a URL", hint="do not use this index"
            )
        scheme = parts.scheme
        if scheme == "http" and self.base.lower().startswith("https:"):
            raise UpstreamError(f"{path}: the index at {self.base} points from https to plain http", hint=STEP_DOWN)
        return path

    def fresh(self) -> HttpSource:
        """Return the same upstream over the same connections, asked past caches and without conditions.

        NVIDIA's servers let a 404 be cached for seven days.
        """
        other = copy.copy(self)
        other._fresh = True
        return other

    def read(
        self, path: str, *, limit: int, known: Validators | None = None, into: BinaryIO | None = None
    ) -> Page | None:
        """Return the document at ``path``, at most ``limit`` bytes; None when ``known`` still holds."""
        url = self.url(path)
        conditions = {} if self._fresh else _conditions(known)
        with self._got(url, {"Accept": self._accept, **conditions}) as answer:
            if answer.status == 304 and known is not None:
                _drained(answer.pieces)
                return None
            body = _bounded(url, answer.pieces, limit, into)
            kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
            return Page(body, _validators(answer.headers), kind, answer.url)

    def size(self, path: str) -> int:
        """Return the size of ``path`` in bytes, as a HEAD request tells it."""
        about = self.about(path)
        if about.size < 0:
            raise UpstreamError(
                f"{self.url(path)}: the server does not say how long the file is",
                hint="use an index that gives sizes (PEP 700), or a server that sends Content-Length",
            )
        return about.size

    def about(self, path: str) -> About:
        """Return size and time of ``path``, as a HEAD request tells them."""
        with self._limits.request(), self._asked("HEAD", self.url(path), {}) as answer:
            length = answer.headers.get("Content-Length", "")
            return About(int(length) if length.isdecimal() else -1, answer.headers.get("Last-Modified", ""))

    @contextlib.contextmanager
    def stream(self, path: str, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open ``path`` at byte ``offset``; give the offset really served, never a higher one, and chunks.

        A server that answers a request for the rest in a way that cannot be used is asked once for the whole.
        """
        url = self.url(path)
        with contextlib.ExitStack() as stack:
            rest = self._rest(stack, url, offset) if offset else None
            found, pieces = rest or (Served(0), stack.enter_context(self._got(url, {})).pieces)
            yield found.start, _guarded(url, _to_the_end(url, found, pieces))

    def _rest(self, stack: contextlib.ExitStack, url: str, offset: int) -> tuple[Served, Iterator[bytes]] | None:
        """Ask for the bytes from ``offset`` on; None where the answer is of no use."""
        try:
            answer = stack.enter_context(self._got(url, {"Range": f"bytes={offset}-"}, passed=UNSATISFIABLE))
        except TransientError:
            raise
        except UpstreamError:  # some hosts refuse the question; the one for the whole says what is really wrong
            return None
        found = served(answer.status, answer.headers, offset)
        if found is None:
            stack.close()
            return None
        return found, iter(()) if answer.status == UNSATISFIABLE else answer.pieces

    def piece(self, path: str, start: int, size: int) -> bytes | None:
        """Return ``size`` bytes from ``start`` on; None where the server does not send just these (RFC 9110 14.2)."""
        url = self.url(path)
        try:
            with self._got(url, {"Range": f"bytes={start}-{start + size - 1}"}, passed=UNSATISFIABLE) as answer:
                found = served(answer.status, answer.headers, start)
                if answer.status != 206 or found is None or (found.start, found.end) != (start, start + size):
                    return None
                body = _bounded(url, answer.pieces, size)
        except TransientError:
            raise
        except UpstreamError:  # refused: the question for the whole file says what is really wrong
            return None
        return body if len(body) == size else None

    @contextlib.contextmanager
    def _got(self, url: str, headers: dict[str, str], passed: int = 0) -> Iterator[_Answer]:
        """GET a URL the short way where that is possible; an answer with the status ``passed`` is given as it is."""
        headers = {**headers, **(_PAST_CACHES if self._fresh else {})}
        with self._limits.request():
            yield from self._answered(url, headers, passed)

    def _answered(self, url: str, headers: dict[str, str], passed: int) -> Iterator[_Answer]:
        plain = None if LOGIN_PLACE in url else self._direct.open(url, {**self._headers, **headers})
        if plain is None:
            with self._asked("GET", url, headers, passed) as asked:
                yield asked
            return
        with contextlib.closing(plain):
            answer = _Answer(
                url, plain.status, plain.reason, plain.headers, self._limits.throttle.paced(steady(plain.pieces()))
            )
            _check_status(url, answer, passed)
            yield answer

    @contextlib.contextmanager
    def _asked(self, method: str, url: str, headers: dict[str, str], passed: int = 0) -> Iterator[_Answer]:
        """Ask the long way, which follows redirects."""
        headers = {**headers, **(_PAST_CACHES if self._fresh else {})}
        with self._session().request(method, url, headers, PIECE) as (response, pieces):
            paced = self._limits.throttle.paced(steady(pieces))
            answer = _Answer(response.url, response.status_code, response.reason, response.headers, paced)
            _check_status(url, answer, passed)
            yield answer


def _drained(pieces: Iterator[bytes]) -> None:
    """Read a body that has no bytes to its end, which frees its connection."""
    with contextlib.suppress(OSError):
        next(pieces, b"")


def _conditions(known: Validators | None) -> dict[str, str]:
    if known is None:
        return {}
    fields = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in fields.items() if value}


def _check_status(url: str, answer: _Answer, passed: int) -> None:
    if answer.status in (200, 206, 304, passed):
        return
    if answer.status in _TRANSIENT:
        raise TransientError(
            f"{url}: HTTP {answer.status} {answer.reason}",
            hint="the upstream is overloaded or down: try again later",
            retry_after=_retry_after(answer.headers),
            status=answer.status,
        )
    hints = {
        401: "the upstream wants a login: put it into ~/.netrc",
        403: "the upstream refuses this client or path",
        404: "check the URL; if the upstream's own index names this file, the upstream is inconsistent",
    }
    kind = MissingError if answer.status in (403, 404, 410) else UpstreamError
    hint = hints.get(answer.status, "check the upstream's URL")
    raise kind(f"{url}: HTTP {answer.status} {answer.reason}", hint=hint)


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _to_the_end(url: str, found: Served, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give the pieces on; where the server stops before the end of the file, that is a cut like any other."""
    yield from pieces
    if found.is_short:
        raise CutError(
            f"{url}: bytes {found.start} to {found.end} of {found.total} were sent",
            hint="the server sends large files in parts; run the command again: it resumes",
        )


def _guarded(url: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except TooSlowError as error:
        hint = "check the network, or take another mirror; run the command again: it resumes"
        raise SlowError(f"{url}: the transfer was too slow ({error})", hint=hint) from error
    except OSError as error:
        raise CutError(
            f"{url}: the transfer was cut ({_reason(error)})",
            hint="check the network and the proxy; run the command again: it resumes",
        ) from error


def _bounded(url: str, pieces: Iterator[bytes], limit: int, into: BinaryIO | None = None) -> bytes:
    """Return the pieces, or put them into a file in place of what an attempt before may have put there."""
    body, size = bytearray(), 0
    if into is not None:
        into.seek(0)
        into.truncate()
    for chunk in _guarded(url, pieces):
        size += len(chunk)
        if into is None:
            body += chunk
        else:
            into.write(chunk)
        if size > limit:
            raise UpstreamError(
                f"{url}: more than {limit} bytes ({limit >> 20} MiB), the limit for such a document",
                hint="check the URL: it may lead to a package, or to too long a listing",
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
        import email.utils  # noqa: PLC0415 - seldom, and it takes long to load

        age = email.utils.parsedate_to_datetime(headers["Date"]) - email.utils.parsedate_to_datetime(modified)
    except (KeyError, ValueError, TypeError):
        return None
    return Validators(etag, modified) if age.total_seconds() >= 2 else None


def _reason(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
