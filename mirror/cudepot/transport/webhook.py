"""Posts a small document to somebody's server: over https, a few times at most, without following it elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import requests

from cudepot.errors import TransientError, UpstreamError

PAUSES = (1.0, 4.0)
"""Seconds between tries; there is one try more."""
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, sleep: Callable[[float], None]) -> None:
    """Post a document, again where the server may take it later.

    Errors name neither the URL nor what the server said: either may hold a secret.

    Raises:
        TransientError: it was tried as often as may be.
        UpstreamError: the server refuses it, or wants it elsewhere.
    """
    for pause in PAUSES:
        try:
            _once(url, body, headers, timeout)
        except TransientError:
            sleep(pause)
        else:
            return
    _once(url, body, headers, timeout)


def _once(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    """Post once, in ``timeout`` seconds at most, whatever the server sends now and then, and whoever resolves names."""
    found: list[Exception | None] = []

    def ask() -> None:
        try:
            _asked(url, body, headers, timeout)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            found.append(error)
        else:
            found.append(None)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    if not found:
        raise _late(timeout)
    if found[0] is not None:
        raise found[0]


def _late(timeout: float) -> TransientError:
    return TransientError(f"not done after {timeout:g} s")  # as hooks say it of commands


def _asked(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    try:
        with requests.Session() as session:
            session.auth = _as_given  # else a login of ~/.netrc for that host takes the place of the token
            answer = session.post(
                url, data=body, headers=dict(headers), timeout=timeout, allow_redirects=False, stream=True
            )
            status = answer.status_code
            answer.close()
    except requests.Timeout:
        raise _late(timeout) from None
    except requests.RequestException as error:
        raise TransientError(type(error).__name__) from None
    if status in _AGAIN:
        raise TransientError(f"HTTP {status}", status=status)
    if not 200 <= status < 300:
        raise UpstreamError(f"HTTP {status}")


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
