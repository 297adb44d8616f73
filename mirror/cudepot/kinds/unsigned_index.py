"""An index that nothing signs: what has to hold before it is believed."""

from __future__ import annotations

from urllib.parse import urlsplit

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import TrustError

_LOCAL = ("127.0.0.1", "::1", "localhost")


def check_transport(upstream: Upstream) -> None:
    """Refuse plain http, except on this machine, where nothing but TLS vouches for an index; raise TrustError."""
    if is_unprotected(upstream.url):
        raise TrustError(
            f"upstream {upstream.name!r}: an unsigned index over plain http cannot be trusted",
            hint="use https; neither wheel indexes nor redistrib manifests carry a signature",
        )


def is_unprotected(url: str) -> bool:
    """Return whether anyone on the way could change what a URL gives."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOCAL
