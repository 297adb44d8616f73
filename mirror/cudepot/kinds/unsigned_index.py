"""An index that nothing signs: what has to hold before it is believed."""

from __future__ import annotations

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import TrustError
from cudepot.urls import is_unprotected


def check_transport(upstream: Upstream) -> None:
    """Refuse plain http, except on this machine, where nothing but TLS vouches for an index; raise TrustError."""
    if is_unprotected(upstream.url):
        raise TrustError(
            f"upstream {upstream.name!r}: an unsigned index over plain http cannot be trusted",
            hint="use https; wheel indexes, conda channels and redistrib manifests carry no signature",
        )
