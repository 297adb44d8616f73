"""The site over HTTP, read-only: what ``cudepot serve`` runs. The HTTP itself is uvicorn's and starlette's.

Every answer is of one snapshot: what is shown is looked up once a request. Nothing is ever encoded on the way, so that
a ``.gz`` arrives as the bytes that were signed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import posixpath
import re
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import uvicorn
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from cudepot.errors import ConfigError, CudepotError
from cudepot.ports import FileTraits
from cudepot.transport.answers import missing, unavailable
from cudepot.transport.shown import BESIDE, CURRENT, File, Shown, View

_JSON = "application/vnd.pypi.simple.v1+json"
_LATEST = "application/vnd.pypi.simple.latest+json"
_LIST = '<!doctype html><meta charset="utf-8"><title>Channels</title><h1>Channels</h1><ul>{}</ul>\n'
_ENTRY = '<li><a href="{0}/">{0}</a>'
_HIDDEN = (CURRENT, BESIDE)
_BESIDE = re.compile(r"[^/]+\.asc|[^/]+\.d/[^/]+")
"""What is served next to the channels: no channel has a dot in its name."""
_INDEX = re.compile(r"(.*/)?simple/[^/]+")
"""Folders of projects in wheel indexes."""


class Told(NamedTuple):
    """An answer to those who watch this server: status, media type and bytes."""

    status: int
    content_type: str
    body: bytes


class Web:
    """An ASGI application over what a site shows.

    Args:
        shown: name of a channel → what it shows; see :class:`~cudepot.transport.shown.Offer`.
        traits: says how the file at a site path is served.
        watched: path → what is told there to those who watch this server; each is asked in a thread of its own.
    """

    def __init__(
        self,
        shown: Mapping[str, Shown],
        traits: Callable[[str], FileTraits],
        watched: Mapping[str, Callable[[], Told]] = MappingProxyType({}),
    ) -> None:
        self._shown, self._traits, self._watched = shown, traits, watched

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] in ("GET", "HEAD") and (ask := self._watched.get(scope["path"])):
            told = await asyncio.to_thread(ask)
            about = {"Cache-Control": "no-store", "Content-Type": told.content_type}
            await Response(told.body, told.status, about)(scope, receive, send)
            return
        answer = await self.answer(scope["method"], scope["path"], headers)
        await answer({**scope, "headers": _ranged(scope["headers"], answer)}, receive, send)

    async def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Response:
        """Return the answer to a request for a decoded path."""
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("read-only\n", 405, {"Allow": "GET, HEAD"})
        wanted = posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
        if "\0" in path or ".." in path.split("/"):
            return missing()
        try:
            if "" in self._shown:
                return self._of(await self._shown[""].view(), wanted, path, headers)
            return await self._in_channel(wanted, path, headers)
        except CudepotError:
            return unavailable()

    async def _in_channel(self, wanted: str, path: str, headers: Mapping[str, str]) -> Response:
        """Answer a request below the name of a channel; at the top, list the channels."""
        name, slash, below = wanted.partition("/")
        if wanted == "":
            return HTMLResponse(_LIST.format("".join(_ENTRY.format(one) for one in self._shown if one not in _HIDDEN)))
        if _BESIDE.fullmatch(wanted) and BESIDE in self._shown:
            beside = await self._shown[BESIDE].view()
            return self._file(beside.file(wanted) if beside else None, wanted, headers, {})
        shown = self._shown.get(name)
        view = await shown.view() if shown else None
        if view is None:
            return missing()
        if not slash and not path.endswith("/"):
            return RedirectResponse(f"{name}/", 301)
        return self._of(view, below, f"/{below}{'/' if below and path.endswith('/') else ''}", headers)

    def _of(self, view: View | None, wanted: str, path: str, headers: Mapping[str, str]) -> Response:
        if view is None:
            return missing()
        if moved := _moved(view, wanted, path):
            return RedirectResponse(moved, 301)
        if view.is_folder(wanted):
            wanted = f"{wanted}/index.html".lstrip("/")
            json = wanted.removesuffix("html") + "json"
            if _prefers_json(headers.get("accept", "")) and (file := view.file(json)):
                return self._file(file, json, headers, {"Vary": "Accept"}, _JSON)
        elif path.endswith("/"):
            return missing()
        more = {"Vary": "Accept"} if wanted.endswith("index.html") else {}
        return self._file(view.file(wanted), wanted, headers, more)

    def _file(
        self, file: File | None, path: str, headers: Mapping[str, str], more: Mapping[str, str], kind: str = ""
    ) -> Response:
        if file is None:
            return missing()
        traits = self._traits(path)
        kept = {"ETag": file.etag, "Cache-Control": traits.cache_control, "X-Content-Type-Options": "nosniff", **more}
        if _unchanged(headers, file.etag, file.modified):
            return Response(None, 304, kept)
        return file.answer(kept, kind or traits.content_type)


def _moved(view: View, wanted: str, path: str) -> str:
    """Return where a folder is that is asked for without its slash, or a project in another spelling; else nothing."""
    folder, name = posixpath.split(wanted)
    if view.is_folder(wanted):
        return "" if path == "/" or path.endswith("/") else f"{name}/"
    normal = re.sub(r"[-_.]+", "-", name).lower()  # PEP 503
    if normal == name or not _INDEX.fullmatch(wanted) or not view.is_folder(posixpath.join(folder, normal)):
        return ""
    return f"{'../' if path.endswith('/') else ''}{normal}/"


def _ranged(headers: list[tuple[bytes, bytes]], answer: Response) -> list[tuple[bytes, bytes]]:
    """Judge ``If-Range`` here: a file too young for a date has none to compare with."""
    condition = dict(headers).get(b"if-range", b"").decode("latin-1")
    holds = condition in ("", answer.headers.get("etag"), answer.headers.get("last-modified"))
    return [one for one in headers if one[0] != b"if-range" and (holds or one[0] != b"range")]


def _prefers_json(accept: str) -> bool:
    """Return whether a client asks for PEP 691's JSON at least as much as for a page (all installers do)."""
    weights: dict[str, float] = {}
    for one in accept.split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        with contextlib.suppress(ValueError):
            weights[kind] = float(quality)
    json = max(weights.get(_JSON, 0), weights.get(_LATEST, 0))
    return json > 0 and json >= weights.get("text/html", 0)


def _unchanged(headers: Mapping[str, str], etag: str, modified: str) -> bool:
    """Return whether the client has this very file; dates count when they are exactly ours (a rollback goes back)."""
    if tags := headers.get("if-none-match"):
        return "*" in tags or etag in [one.strip().removeprefix("W/") for one in tags.split(",")]
    return bool(modified) and headers.get("if-modified-since") == modified


@contextlib.contextmanager
def listening(bind: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """Give a listening socket and its URL; raise ConfigError when the address cannot be had."""
    try:
        kind = socket.AF_INET6 if ipaddress.ip_address(bind).version == 6 else socket.AF_INET
        sock = socket.create_server((bind, port), family=kind, backlog=128)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{bind} port {port}: {said}", hint="choose with --bind ADDRESS and --port NUMBER") from error
    with sock:
        host = f"[{bind}]" if kind == socket.AF_INET6 else bind
        yield sock, f"http://{host}:{sock.getsockname()[1]}/"


def run(web: Web, sock: socket.socket) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM)."""
    config = uvicorn.Config(
        web, lifespan="off", log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3
    )
    # uvicorn ends in good order and then raises the signal again: let both end the same way.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[sock])
