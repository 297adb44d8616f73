"""The long way: ``requests``, with proxies, logins and certificates as the environment says, and safe redirects."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_netrc_auth

from cudepot.errors import TransientError, UpstreamError
from cudepot.transport.http.redirects import redirected
from cudepot.transport.http.tokens import hidden, token_for, without
from cudepot.urls import LOGIN_PLACE

MOST_REDIRECTS = 8
_URLS = "check the upstream's URL, and the proxy that http_proxy, https_proxy or all_proxy names"
_TLS = "for a private certificate authority set REQUESTS_CA_BUNDLE to its file; else check the URL"


_Login = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Let nobody log in: what ~/.netrc has of the host is the token in the path."""
    return request


class _Plain(requests.Session):
    """A session that leaves redirects alone; even told not to follow them, requests reads their bodies whole."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Say that no response is a redirect: :meth:`Session.request` follows them."""
        return


class Session:
    """Sends requests over pooled connections.

    Args:
        headers: what every request says.
        timeout: seconds to connect, seconds between two reads.
        connections: connections kept open at the most.
    """

    def __init__(self, headers: Mapping[str, str], timeout: tuple[float, float], connections: int) -> None:
        self._session, self._timeout = _Plain(), timeout
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._session.headers.update(headers)

    def is_plain(self, url: str) -> bool:
        """Return whether neither a proxy nor a login belongs to a URL."""
        settings = self._session.merge_environment_settings(url, {}, True, None, None)
        return not settings["proxies"] and not get_netrc_auth(url)

    @contextlib.contextmanager
    def request(
        self, method: str, url: str, headers: Mapping[str, str], piece: int
    ) -> Iterator[tuple[requests.Response, Iterator[bytes]]]:
        """Send a request and follow redirects: requests itself would read their bodies, however long."""
        token = token_for(url) if LOGIN_PLACE in url else ""
        at = url.replace(LOGIN_PLACE, f"/t/{token}/")
        with hidden(token):
            for _ in range(MOST_REDIRECTS):
                with self._send(method, at, headers, _nobody if token else None) as response:
                    target = redirected(url, at, response.status_code, response.headers.get("Location", ""))
                    if not target:
                        response.url = without(token, response.url)
                        yield response, _pieces(response, piece)
                        return
                    at = target
        raise UpstreamError(f"{url}: more than {MOST_REDIRECTS} redirects", hint="check the upstream's URL")

    def _send(self, method: str, url: str, headers: Mapping[str, str], login: _Login | None) -> requests.Response:
        try:
            return self._session.request(
                method, url, headers=headers, stream=True, timeout=self._timeout, allow_redirects=False, auth=login
            )
        except requests.exceptions.SSLError as error:
            raise UpstreamError(f"{url}: {_reason(error)}", hint=_TLS) from error
        except requests.exceptions.InvalidURL as error:
            raise UpstreamError(f"{url}: {_reason(error)}", hint=_URLS) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TransientError(f"{url}: {_reason(error)}", hint="check the URL, the network and the proxy") from error


def _pieces(response: requests.Response, piece: int) -> Iterator[bytes]:
    """Give the bytes as they came: some servers label a .gz file as an encoding, and hashes are over the file."""
    try:
        read1 = None if response.raw.chunked else getattr(response.raw, "read1", None)
        if read1 is None:
            yield from response.raw.stream(piece, decode_content=False)
        while read1 and (data := read1(piece, decode_content=False)):  # what is there, however little: see `steady`
            yield data
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return the innermost cause in a few words: requests wraps urllib3 wraps the socket."""
    inner: BaseException = error
    while (inner.__cause__ or inner.__context__) is not None:
        inner = inner.__cause__ or inner.__context__ or inner
    text = str(inner) or type(inner).__name__
    return " ".join(text.split())[:200]
