"""A package index on this machine's loopback that shows uv what cudepot has read, and never a byte of a file.

It listens on 127.0.0.1, below a path that only its maker knows, as long as one resolution takes.
"""

from __future__ import annotations

import contextlib
import http.server
import secrets
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import unquote

from cudepot.errors import CudepotError, FormatError, InternalError, TrustError
from cudepot.formats.simple import JSON_TYPE, IndexFile, project_name
from cudepot.kinds.wheels.once import Once
from cudepot.kinds.wheels.rules.core_metadata import no_metadata
from cudepot.kinds.wheels.rules.served import Served
from cudepot.kinds.wheels.rules.shown import project_and_version
from cudepot.kinds.wheels.rules.target import Target

_IDLE = 60.0  # seconds a connection may say nothing
_METADATA = ".metadata"


class Reader(Protocol):
    """Reads the indexes; called by several threads at once."""

    def files(self, project: str) -> Sequence[IndexFile] | None:
        """Return the files of a project (normalised name); None where there is no such project.

        Wheels that none of the targets asked for could take may be left out.
        """

    def every(self, project: str) -> Sequence[IndexFile] | None:
        """Return all files of a project; None where there is no such project."""

    def upstream_of(self, project: str) -> str:
        """Return the name of the index that a project is looked for on, and nowhere else."""

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; of an sdist its PKG-INFO, or what a wheel built of it will say."""


class UvIndex:
    """What uv is shown: a page for each project that is asked for, and METADATA beside each wheel.

    Args:
        reader: reads the indexes.
        targets: for which machines.

    Attributes:
        lenient: whether versions without a wheel for some target are shown as if they had one; every version then.
        unreadable: what was wrong with files whose versions are no choice for that.
        error: the first thing that went wrong while uv asked; None where nothing did.
    """

    def __init__(self, reader: Reader, targets: Sequence[Target]) -> None:
        self._reader, self._targets = reader, tuple(targets)
        self._projects = Once(self._project)
        self._texts = Once(self._text)
        self.lenient = False
        self.unreadable: list[str] = []
        self.error: BaseException | None = None

    def project(self, name: str) -> Served | None:
        """Return a project, read once however many ask; None where there is no such project."""
        return self._projects((name, self.lenient))

    def whole(self, name: str) -> Served | None:
        """Return a project with all its files; None where there is no such project."""
        return self._projects((name, True))

    def upstream_of(self, name: str) -> str:
        """Return the name of the index that a project is looked for on."""
        return self._reader.upstream_of(name)

    def _project(self, key: tuple[str, bool]) -> Served | None:
        name, every = key
        files = self._reader.every(name) if every else self._reader.files(name)
        return Served(name, files, self._targets) if files is not None else None

    def page(self, name: str) -> bytes | None:
        """Return the page of a project, or None."""
        found = self.project(name)
        return found.page(f"../../files/{name}/", lenient=self.lenient) if found else None

    def metadata(self, name: str, filename: str) -> bytes | None:
        """Return the METADATA that stands for a wheel on the page of a project, or None."""
        found = self.project(name)
        file = found.behind(filename) if found else None
        return self._texts(file) if file else None

    def _text(self, file: IndexFile) -> bytes:
        """Return METADATA; for a file that nobody can read, one by which the version is for no Python."""
        try:
            return self._reader.metadata(file)
        except FormatError as error:
            self.unreadable.append(str(error))
            return no_metadata(*project_and_version(file.filename))

    def answer(self, parts: Sequence[str]) -> tuple[bytes, str] | None:
        """Return the body of an answer and its type; None where there is nothing. Raises what the reader raises."""
        body, kind = None, JSON_TYPE
        if len(parts) == 3 and parts[0] == "simple" and not parts[2] and project_name(parts[1]) == parts[1]:
            body = self.page(parts[1])
        elif len(parts) == 3 and parts[0] == "files" and parts[2].endswith(_METADATA):
            body, kind = self.metadata(parts[1], parts[2].removesuffix(_METADATA)), "text/plain"
        elif len(parts) == 3 and parts[0] == "files":
            raise TrustError(f"{parts[2]}: uv asked for the content of a file, which it should never need")
        return (body, kind) if body is not None else None

    def asked(self, parts: Sequence[str]) -> tuple[bytes, str] | None:
        """Answer a request; after the first error no other is answered, so that uv comes to its end.

        Raises:
            CudepotError: what went wrong, now or before.
        """
        if self.error:
            raise CudepotError("an earlier request went wrong")
        try:
            return self.answer(parts)
        except BaseException as error:
            self.error = self.error or error
            raise CudepotError("this request went wrong") from error


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE
    server: _Server

    def do_GET(self) -> None:
        token, *parts = unquote(self.path).removeprefix("/").split("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._send(404, b"", "text/plain")
            return
        try:
            found = self.server.index.asked(parts)
        except CudepotError:
            self._send(500, b"", "text/plain")
            return
        self._send(200 if found else 404, *(found or (b"", "text/plain")))

    def _send(self, status: int, body: bytes, kind: str) -> None:
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}\r\nContent-Type: {kind}\r\n"
        self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: what went wrong is kept."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, index: UvIndex, token: str) -> None:
        self.index, self.token = index, token
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over connections that break: uv says what it missed."""


@contextlib.contextmanager
def serving(index: UvIndex) -> Iterator[str]:
    """Serve an index while the block runs, and give its URL (``…/simple/``).

    Raises:
        InternalError: this machine has no loopback to listen on.
    """
    token = secrets.token_urlsafe(24)
    try:
        server = _Server(index, token)
    except OSError as error:
        raise InternalError(f"cannot listen on 127.0.0.1, where uv reads the indexes: {error}") from error
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{token}/simple/"
        finally:
            server.shutdown()
            thread.join()
