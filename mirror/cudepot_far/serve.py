"""``serve``: the site over HTTP, read-only, for trying it out and for small sites; no TLS, no passwords.

Every answer is of one snapshot: ``current`` is followed once a request. Nothing is encoded on the way, so that a
``.gz`` arrives as the bytes that were signed.
"""

import contextlib
import os
import posixpath
import re
import signal
import socket
import socketserver
import stat
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, BinaryIO, Optional, Sequence, Tuple
from urllib.parse import quote, unquote

from cudepot_far.errors import ConfigError
from cudepot_far.values import CHUNK

_JSON, _LATEST = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json"
_TYPES = {
    ".gz": "application/gzip", ".xz": "application/x-xz", ".bz2": "application/x-bzip2", ".zst": "application/zstd",
    ".tgz": "application/gzip", ".zip": "application/zip",
    ".json": "application/json", ".html": "text/html; charset=utf-8", ".xml": "application/xml",
    ".asc": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",
    ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
    ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
    ".whl": "application/zip", ".metadata": "text/plain; charset=utf-8", ".provenance": "application/json",
    ".sigs": "application/json",
}  # fmt: skip
_PLAIN = ("InRelease", "Release", "Packages", "Sources")
_PACKAGE = re.compile(
    r".+\.(?:deb|rpm|conda|whl|whl\.metadata)|conda/.+\.tar\.bz2|wheels/.+\.(?:tar\.gz|zip)|files/.+"
    r"|.+/by-hash/[A-Za-z0-9]+/[0-9a-f]{64,128}|.+/[0-9a-f]{64}-[^/]+|.+/shards/[0-9a-f]{64}\.[a-z.]+|.+\.sigs\.[0-9a-f]{64}"
)
"""Paths whose bytes never change."""
_MADE = re.compile(r"compute/.+/cuda-keyring_[^/]+\.deb")
"""Packages that are made anew when the site's address or key changes: their names do not say so."""
_PROJECT = re.compile(r"(?:.*/)?simple/[^/]+")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_YOUNG = 2  # seconds a file has no Last-Modified: a date of whole seconds cannot tell it from its successor


class Server(socketserver.ThreadingMixIn, HTTPServer):
    """A server that answers each request in a thread of its own.

    Attributes:
        root: the link a site shows, or the folder with such a link for each channel.
        channels: their names; none for one site.
    """

    daemon_threads = True
    request_queue_size = 128
    root = ""
    channels: Sequence[str] = ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Six(Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version = "HTTP/1.1", "cudepot-far", ""
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep no log of requests."""

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Refuse: read-only."""
        self.close_connection = True
        self._say(405, "read-only", ("Allow", "GET, HEAD"))

    do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815

    def do_GET(self) -> None:
        """Answer one request."""
        path = unquote(self.path.split("?", 1)[0].split("#", 1)[0])
        wanted = posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
        if "\0" in path or ".." in path.split("/"):
            return self._say(404, "not found")
        root, channels = str(getattr(self.server, "root", "")), getattr(self.server, "channels", ())
        if channels:
            return self._in_channel(root, channels, wanted, path)
        return self._shown(root, wanted, path)

    def _in_channel(self, root: str, channels: Sequence[str], wanted: str, path: str) -> None:
        """Answer a request below the name of a channel; at the top, list the channels."""
        name, slash, below = wanted.partition("/")
        if not name:
            return self._say(200, "channels: " + ", ".join(channels))
        if name not in channels or not os.path.isdir(os.path.join(root, name)):
            return self._say(404, "not found")
        if not slash and not path.endswith("/"):
            return self._say(301, "moved", ("Location", name + "/"))
        return self._shown(os.path.join(root, name), below, path)

    def _shown(self, root: str, wanted: str, path: str) -> None:
        root = os.path.realpath(root)
        moved = _moved(root, wanted, path)
        if moved:
            return self._say(301, "moved", ("Location", quote(moved)))
        return self._file(root, wanted, path)

    def _file(self, root: str, wanted: str, path: str) -> None:
        kind, varies = "", False
        if os.path.isdir(os.path.join(root, wanted)):
            wanted = (wanted + "/index.html").lstrip("/")
            varies = True
            if _prefers_json(self.headers.get("Accept", "")) and os.path.isfile(
                os.path.join(root, wanted[:-4] + "json")
            ):
                wanted, kind = wanted[:-4] + "json", _JSON
        elif path.endswith("/"):
            return self._say(404, "not found")
        file = os.path.realpath(os.path.join(root, wanted))
        try:
            handle = open(file, "rb") if file.startswith(root + os.sep) else None
        except OSError:
            handle = None
        if handle is None:
            return self._say(404, "not found")
        with handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                return self._say(404, "not found")
            return self._send(handle, wanted, kind or content_type(wanted), varies)

    def _send(self, handle: BinaryIO, path: str, kind: str, varies: bool) -> None:
        about = os.fstat(handle.fileno())
        etag = f'"{about.st_ino:x}-{about.st_mtime_ns:x}-{about.st_size:x}"'
        modified = "" if time.time() - about.st_mtime < _YOUNG else self.date_time_string(int(about.st_mtime))
        if self._has(etag, modified):
            self.send_response(304)
            self.send_header("ETag", etag)
            self.send_header("Cache-Control", cache_control(path))
            self.end_headers()
            return None
        start, end = self._range(about.st_size, etag, modified) or (0, about.st_size)
        if start >= end and about.st_size:
            return self._say(416, "no such range", ("Content-Range", f"bytes */{about.st_size}"))
        part = end - start < about.st_size
        self.send_response(206 if part else 200)
        headers = [("Content-Type", kind), ("Content-Length", str(end - start)), ("ETag", etag)]
        headers += [("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff")]
        headers += [("Cache-Control", cache_control(path))]
        headers += [("Last-Modified", modified)] if modified else []
        headers += [("Vary", "Accept")] if varies else []
        headers += [("Content-Range", f"bytes {start}-{end - 1}/{about.st_size}")] if part else []
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._copy(handle, start, end)
        return None

    def _copy(self, handle: BinaryIO, start: int, end: int) -> None:
        handle.seek(start)
        while start < end:
            chunk = handle.read(min(CHUNK, end - start))
            if not chunk:
                self.close_connection = True
                return
            self.wfile.write(chunk)
            start += len(chunk)

    def _has(self, etag: str, modified: str) -> bool:
        """Return whether the client has this very file; dates count when they are exactly ours."""
        tags = self.headers.get("If-None-Match")
        if tags:
            return "*" in tags or etag in [one.strip().replace("W/", "") for one in tags.split(",")]
        return bool(modified) and self.headers.get("If-Modified-Since") == modified

    def _range(self, size: int, etag: str, modified: str) -> Optional[Tuple[int, int]]:
        """Return the one range that is asked for; None for the whole file."""
        found = _RANGE.fullmatch(self.headers.get("Range", "").strip())
        condition = self.headers.get("If-Range", "")
        if not found or found.group() == "bytes=-" or (condition and condition not in (etag, modified)):
            return None
        first, last = found.groups()
        if not first:
            return max(0, size - int(last)), size
        return int(first), min(size, int(last) + 1) if last else size

    def _say(self, code: int, told: str, *headers: Tuple[str, str]) -> None:
        body = (told + "\n").encode()
        self.send_response(code)
        for name, value in (("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _moved(root: str, wanted: str, path: str) -> str:
    """Return where a folder is that is asked for without its slash, or a project in another spelling; else nothing."""
    folder, name = posixpath.split(wanted)
    if os.path.isdir(os.path.join(root, wanted)):
        return "" if path == "/" or path.endswith("/") else name + "/"
    normal = re.sub(r"[-_.]+", "-", name).lower()  # PEP 503
    if normal == name or not _PROJECT.fullmatch(wanted) or not os.path.isdir(os.path.join(root, folder, normal)):
        return ""
    return ("../" if path.endswith("/") else "") + normal + "/"


def content_type(path: str) -> str:
    """Return the media type of the file at a site path: the same as cudepot's."""
    name = path.rpartition("/")[2]
    if name in _PLAIN:
        return "text/plain; charset=utf-8"
    return _TYPES.get("." + name.rpartition(".")[2], "application/octet-stream")


def cache_control(path: str) -> str:
    """Return how long caches may keep the file at a site path: the same as cudepot's."""
    if _PACKAGE.fullmatch(path) and not _MADE.fullmatch(path):
        return "public, max-age=31536000, immutable"
    return "public, max-age=60, must-revalidate"


def _prefers_json(accept: str) -> bool:
    """Return whether a client asks for PEP 691's JSON at least as much as for a page (all installers do)."""
    weights = {}
    for one in accept.split(","):
        kind, _, rest = one.partition(";")
        quality = re.search(r"q=([0-9.]+)", rest)
        with contextlib.suppress(ValueError):
            weights[kind.strip()] = float(quality.group(1)) if quality else 1.0
    wanted = max(weights.get(_JSON, 0), weights.get(_LATEST, 0))
    return wanted > 0 and wanted >= weights.get("text/html", 0)


def server(root: str, bind: str, port: int, channels: Sequence[str] = ()) -> Server:
    """Return a server of the site, or of its channels, each below its name.

    Raises:
        ConfigError: the address is not available.
    """
    try:
        found = (_Six if ":" in bind else Server)((bind, port), _Handler)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"{bind} port {port}: {error}", "choose with --bind ADDRESS and --port NUMBER") from error
    found.root, found.channels = root, channels
    return found


def run(found: Server) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        found.serve_forever()
    found.server_close()
