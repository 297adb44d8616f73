"""Where a file of an index is: what the lock has as its path. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import UpstreamError

_USUAL = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,4})?/[A-Za-z0-9_.~/+%-]*")
"""What nearly every link of a page of thousands looks like: nothing has to be taken apart to know that it is good."""


def located(upstream: Upstream, url: str) -> str:
    """Return where a file is: below the upstream's URL as a path, else, and where it has a query, as a URL.

    Raises:
        UpstreamError: the link leads somewhere that is not asked, or holds a login.
    """
    if _USUAL.fullmatch(url) and not url.startswith(upstream.url):
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise UpstreamError(
            f"{upstream.url}: the index points to {url[:200]!r}", hint="only http and https are followed"
        )
    if "@" in parts.netloc:
        raise UpstreamError(
            f"{upstream.url}: the index gives links that contain a login, which would end up in the lock",
            hint="put the login into ~/.netrc, and give `url` without it",
        )
    below = url.startswith(upstream.url) and not parts.query
    path = unquote(url.removeprefix(upstream.url)) if below else url
    return path if below and path.isprintable() and ".." not in path.split("/") else url
