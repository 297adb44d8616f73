"""Answers of ``cudepot serve`` that have no file: not there, and not now."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

RETRY = 5
"""Seconds after which clients may ask again."""


def missing() -> Response:
    """Return the answer for what is not there."""
    return PlainTextResponse("not found\n", 404)


def unavailable() -> Response:
    """Return the answer while the server that has the files does not respond."""
    return PlainTextResponse("try again later\n", 503, {"Retry-After": str(RETRY), "Cache-Control": "no-store"})
