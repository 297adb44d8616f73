"""Where a redirect may lead: to http or https, and never from https to plain http."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from cudepot.errors import UpstreamError

STEP_DOWN = "anyone on the network path could change the content: ask the upstream, or use another mirror"
_STATUSES = {301, 302, 303, 307, 308}


def redirected(url: str, at: str, status: int, location: str) -> str:
    """Return where an answer sends us; empty where it does not.

    Args:
        url: what was asked for at first, for errors.
        at: who answers.
        status: of the answer.
        location: its ``Location``.

    Raises:
        UpstreamError: to plain http after https, or to what is no URL of http or https.
    """
    if status not in _STATUSES or not location:
        return ""
    try:
        target = urljoin(at, location)
        scheme, host = urlsplit(target).scheme, urlsplit(target).hostname
    except ValueError as error:
        raise UpstreamError(
            f"{url}: redirected to something that is not a URL: {location[:200]!r}", hint="the server is broken"
        ) from error
    if scheme == "http" and at.lower().startswith("https:"):
        raise UpstreamError(f"{url}: redirected from https to plain http at {target}", hint=STEP_DOWN)
    if scheme not in ("http", "https") or not host:
        raise UpstreamError(f"{url}: redirected to {location[:200]!r}", hint="only http and https are followed")
    return target
