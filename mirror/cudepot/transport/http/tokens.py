"""Tokens that servers of conda channels want in the path: read from ~/.netrc, and never shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from requests.utils import get_netrc_auth

from cudepot.errors import CudepotError, UpstreamError
from cudepot.urls import LOGIN_PLACE


def token_for(url: str) -> str:
    """Return the token for a URL, as it is in one: the password that ~/.netrc (or ``NETRC``) has for the host.

    Raises:
        UpstreamError: there is none.
    """
    login = get_netrc_auth(url)
    if not login or not login[1]:
        host = urlsplit(url).hostname
        raise UpstreamError(
            f"{url}: no token for {host}", hint=f"~/.netrc: `machine {host} login token password TOKEN`"
        )
    return quote(login[1], safe="")


def without(token: str, text: str) -> str:
    """Return a text in which a token cannot be read."""
    return text.replace(f"/t/{token}/", LOGIN_PLACE).replace(token, "~token~") if token else text


@contextlib.contextmanager
def hidden(token: str) -> Iterator[None]:
    """Keep a token out of what errors say."""
    try:
        yield
    except CudepotError as error:
        if not token or token not in f"{error}{error.hint}":
            raise
        told = error.retold(without(token, str(error)))
        told.hint = without(token, error.hint)
        raise told from None
