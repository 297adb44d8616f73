"""Objects of a store as ``cudepot serve`` sends them: piece by piece, so that no file is ever in memory whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO

from anyio import to_thread
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from cudepot.digest import Digest
from cudepot.errors import CudepotError, MissingError
from cudepot.ports import Objects
from cudepot.transport.answers import missing, unavailable

PIECE = 256 << 10
"""Bytes of a download that are in memory at a time."""
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


class ObjectFile:
    """A file whose bytes are an object; see :class:`cudepot.transport.shown.File`."""

    def __init__(self, objects: Objects, digest: Digest, modified: str) -> None:
        self._objects, self._digest = objects, digest
        self.etag, self.modified = f'"{digest.sha256}"', modified

    def answer(self, headers: Mapping[str, str], media_type: str) -> Response:
        """Return the answer with all of it, or the range that is asked for."""
        dated = {**headers, "Accept-Ranges": "bytes"} | ({"Last-Modified": self.modified} if self.modified else {})
        return _ObjectResponse(self._objects, self._digest, dated, media_type)


class _ObjectResponse(StreamingResponse):
    """An object; it is opened before anything is sent, so that a client learns when it is not to be had."""

    def __init__(self, objects: Objects, digest: Digest, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__((), 200, {**headers, "Content-Length": str(digest.size)}, media_type)
        self._objects, self._digest = objects, digest

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        asked = dict(scope["headers"]).get(b"range", b"").decode("latin-1")
        piece = wanted_range(asked, self._digest.size)
        if piece is not None and piece[0] >= piece[1]:
            refused = {"Content-Range": f"bytes */{self._digest.size}", "Accept-Ranges": "bytes"}
            await PlainTextResponse("", 416, refused)(scope, receive, send)
            return
        if piece is not None:
            self._become_part(*piece)
        start, stop = piece or (0, self._digest.size)
        if scope["method"] == "HEAD" or start == stop:
            await Response(None, self.status_code, dict(self.headers))(scope, receive, send)
            return
        try:
            stream = await to_thread.run_sync(self._objects.open, self._digest, start, stop)
        except CudepotError as error:
            other = missing() if isinstance(error, MissingError) else unavailable()
            await other(scope, receive, send)
            return
        self.body_iterator = _pieces(stream, stop - start)
        await super().__call__(scope, receive, send)

    def _become_part(self, start: int, stop: int) -> None:
        self.status_code = 206
        self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{self._digest.size}"
        self.headers["Content-Length"] = str(stop - start)


async def _pieces(stream: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """Give ``size`` bytes; one who gets fewer sees that by Content-Length, as the connection is closed."""
    try:
        while size > 0 and (piece := await to_thread.run_sync(stream.read, min(PIECE, size))):
            size -= len(piece)
            yield piece
    finally:
        stream.close()


def wanted_range(asked: str, size: int) -> tuple[int, int] | None:
    """Return from which byte to before which a ``Range`` header asks, nothing of an empty range where it cannot be met.

    None stands for all: where there is no header, or one that asks for several ranges, or in another unit (RFC 9110
    lets a server pass over it).
    """
    found = _RANGE.fullmatch(asked.replace(" ", ""))
    if found is None:
        return None
    first, last, end = found.groups()
    if end is not None:
        return max(size - int(end), 0) if int(end) else size, size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size
