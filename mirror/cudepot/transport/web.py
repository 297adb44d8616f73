"""The site over HTTP, read-only: what ``cudepot serve`` runs. The HTTP itself is uvicorn's and starlette's.

Every answer is of one snapshot: ``current`` is followed once a request. Nothing is ever encoded on the way, so that a
``.gz`` arrives as the bytes that were signed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import posixpath
import re
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import uvicorn
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response

from cudepot.errors import ConfigError
from cudepot.ports import FileTraits

YOUNG = 2.0
"""Seconds a file has no Last-Modified: a date of one-second resolution cannot tell it from its successor."""
_JSON = "application/vnd.pypi.simple.v1+json"
_LATEST = "application/vnd.pypi.simple.latest+json"
_LIST = '<!doctype html><meta charset="utf-8"><title>Channels</title><h1>Channels</h1><ul>{}</ul>\n'
_ENTRY = '<li><a href="{0}/">{0}</a>'
_INDEX = re.compile(r"(.*/)?simple/[^/]+")
"""Folders of projects in wheel indexes."""


class Told(NamedTuple):
    """An answer to those who watch this server: status, media type and bytes."""

    status: int
    content_type: str
    body: bytes


class _File(FileResponse):
    chunk_size = 1 << 20


class Web:
    """An ASGI application over the folder a site shows.

    Args:
        root: the folder, or a link to it that may be switched at any moment.
        traits: says how the file at a site path is served.
        clock: seconds since 1970.
        watched: path → what is told there to those who watch this server; each is asked in a thread of its own.
        channels: names of links in ``root``, each a site of its own below its name; empty for one site.
    """

    def __init__(
        self,
        root: Path,
        traits: Callable[[str], FileTraits],
        clock: Callable[[], float] = time.time,
        watched: Mapping[str, Callable[[], Told]] = MappingProxyType({}),
        channels: Sequence[str] = (),
    ) -> None:
        self._root, self._traits, self._clock, self._watched = root, traits, clock, watched
        self._channels = {one: Web(root / one, traits, clock) for one in channels}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] in ("GET", "HEAD") and (ask := self._watched.get(scope["path"])):
            told = await asyncio.to_thread(ask)
            about = {"Cache-Control": "no-store", "Content-Type": told.content_type}
            await Response(told.body, told.status, about)(scope, receive, send)
            return
        answer = self.answer(scope["method"], scope["path"], headers)
        await answer({**scope, "headers": _ranged(scope["headers"], answer)}, receive, send)

    def answer(self, method: str, path: str, headers: dict[str, str]) -> Response:
        """Return the answer to a request for a decoded path."""
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("read-only\n", 405, {"Allow": "GET, HEAD"})
        wanted = posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
        if "\0" in path or ".." in path.split("/"):
            return _missing()
        return (self._in_channel if self._channels else self._shown)(wanted, path, headers)

    def _shown(self, wanted: str, path: str, headers: dict[str, str]) -> Response:
        root = self._root.resolve()
        if moved := _moved(root, wanted, path):
            return RedirectResponse(moved, 301)
        if _is_folder(root / wanted):
            wanted = f"{wanted}/index.html".lstrip("/")
            if _prefers_json(headers.get("accept", "")) and (root / wanted).with_suffix(".json").is_file():
                return self._file(root, wanted.removesuffix("html") + "json", headers, {"Vary": "Accept"}, _JSON)
        elif path.endswith("/"):
            return _missing()
        return self._file(root, wanted, headers, {"Vary": "Accept"} if wanted.endswith("index.html") else {})

    def _in_channel(self, wanted: str, path: str, headers: dict[str, str]) -> Response:
        """Answer a request below the name of a channel; at the top, list the channels."""
        name, slash, below = wanted.partition("/")
        if wanted == "":
            return HTMLResponse(_LIST.format("".join(_ENTRY.format(one) for one in self._channels)))
        channel = self._channels.get(name)
        if channel is None or not _is_folder(self._root / name):
            return _missing()
        if not slash and not path.endswith("/"):
            return RedirectResponse(f"{name}/", 301)
        return channel.answer("GET", f"/{below}{'/' if below and path.endswith('/') else ''}", headers)

    def _file(self, root: Path, wanted: str, headers: dict[str, str], more: dict[str, str], kind: str = "") -> Response:
        try:
            file = (root / wanted).resolve(strict=True)
            about = file.stat()
        except OSError:
            return _missing()
        if not file.is_relative_to(root) or not stat.S_ISREG(about.st_mode):
            return _missing()
        traits = self._traits(wanted)
        etag = f'"{about.st_ino:x}-{about.st_mtime_ns:x}-{about.st_size:x}"'
        kept = {"ETag": etag, "Cache-Control": traits.cache_control, "X-Content-Type-Options": "nosniff", **more}
        found = _File(file, 200, kept, kind or traits.content_type, stat_result=about)
        if self._clock() - about.st_mtime < YOUNG:
            del found.headers["last-modified"]
        if _unchanged(headers, etag, found.headers.get("last-modified", "")):
            return Response(None, 304, kept)
        return found


def _missing() -> Response:
    return PlainTextResponse("not found\n", 404)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for names that are too long


def _moved(root: Path, wanted: str, path: str) -> str:
    """Return where a folder is that is asked for without its slash, or a project in another spelling; else nothing."""
    folder, name = posixpath.split(wanted)
    if _is_folder(root / wanted):
        return "" if path == "/" or path.endswith("/") else f"{name}/"
    normal = re.sub(r"[-_.]+", "-", name).lower()  # PEP 503
    if normal == name or not _INDEX.fullmatch(wanted) or not _is_folder(root / folder / normal):
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


def _unchanged(headers: dict[str, str], etag: str, modified: str) -> bool:
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
