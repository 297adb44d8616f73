"""Where a file is that an index of a channel refers to: what the lock has as its path. Pure."""

from __future__ import annotations

import contextlib
from urllib.parse import unquote, urljoin

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import UpstreamError
from cudepot.urls import split_url


def located(upstream: Upstream, index: str, reference: str) -> str:
    """Return where a file is that an index refers to: below the upstream's URL as a path, else as a URL.

    Raises:
        UpstreamError: the reference leads somewhere that is not asked, or holds a login.
    """
    url, parts = "", None
    with contextlib.suppress(ValueError):
        url = urljoin(f"{upstream.url}{index}", reference)
        parts = split_url(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        told = "a URL that contains a login" if "@" in reference else repr(reference[:200])
        raise UpstreamError(f"{upstream.url}{index}: points to {told}", hint="only http and https are followed")
    if not url.startswith(upstream.url) or parts.query:
        return url
    path = unquote(url.removeprefix(upstream.url))
    return path if path.isprintable() and ".." not in path.split("/") else url
