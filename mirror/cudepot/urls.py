"""URLs that came from outside, taken apart: ``urllib`` raises for some and drops parts of others in silence."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

_PLACE = re.compile(r"(.*@)?(\[[^\[\]]+\](:\d*)?|[^\[\]:\\]+(:\d*)?|)")
"""A login, and a host with or without a port; none at all in a URL of a file."""
_BLANK = re.compile(r"[\x00-\x20\x7f]")
_LOCAL = ("127.0.0.1", "::1", "localhost")

LOGIN_PLACE = "/t/~token~/"
"""Stands in a URL where its server wants a token; the token itself is known to what sends the request alone."""


def with_token(url: str) -> str:
    """Return a URL whose server wants a token before the path.

    >>> with_token("https://host/channel/")
    'https://host/t/~token~/channel/'
    """
    parts = urlsplit(url)
    return parts._replace(path=LOGIN_PLACE.rstrip("/") + parts.path).geturl()


def split_url(text: str) -> SplitResult | None:
    """Return the parts of a URL; None where it is malformed, or not all of it would count.

    Malformed are a bracket that is not closed, a port that is none, blanks and control characters (RFC 3986 sections 2
    and 3.2; ``urlsplit`` leaves tabs and line breaks out without a word).
    """
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises where it is no number, or too large
    except ValueError:
        return None
    return parts if _PLACE.fullmatch(parts.netloc) and not _BLANK.search(text) else None


def is_unprotected(url: str) -> bool:
    """Return whether anyone on the way could change what a URL gives."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOCAL
