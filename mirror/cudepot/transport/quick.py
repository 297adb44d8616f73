"""The short way to a file's bytes: one pooled connection, no per-request look at the environment.

``requests`` reads proxies, certificates and logins from the environment at every request and copies headers
through several layers; with thousands of small packages that costs more than the transfer. This asks once per
host what ``requests`` would do, then talks to the same connection pool. Redirects and broken connections are left
to ``requests``, so that there is one place that decides what they mean.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_netrc_auth
from urllib3.response import BaseHTTPResponse


class Quick:
    """Opens files over the connections of a session.

    Args:
        session: whose adapters and settings count.
        timeout: seconds to connect, seconds between two reads.
    """

    def __init__(self, session: requests.Session, timeout: tuple[float, float]) -> None:
        self._session, self._timeout = session, urllib3.Timeout(*timeout)
        self._pools: dict[str, urllib3.HTTPConnectionPool | None] = {}
        self._lock = threading.Lock()

    def open(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse | None:
        """Return the answer to a GET, good or bad; None where ``requests`` has to be asked."""
        parts = urlsplit(url)
        pool = self._pool(f"{parts.scheme}://{parts.netloc}")
        if pool is None:
            return None
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        every = {**{name: str(text) for name, text in self._session.headers.items()}, **headers}
        try:
            response = pool.urlopen(
                "GET",
                target,
                headers=every,
                retries=False,
                redirect=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return None
        if not 300 <= response.status < 400:
            return response
        response.close()  # the body of a redirect may be endless
        response.release_conn()
        return None

    def _pool(self, origin: str) -> urllib3.HTTPConnectionPool | None:
        with self._lock:
            if origin not in self._pools:
                self._pools[origin] = self._plain_pool(origin)
            return self._pools[origin]

    def _plain_pool(self, origin: str) -> urllib3.HTTPConnectionPool | None:
        """Return the pool ``requests`` would use; None where a proxy or a login comes into play."""
        url = origin + "/"
        settings = self._session.merge_environment_settings(url, {}, True, None, None)
        adapter = self._session.get_adapter(url)
        if settings["proxies"] or "@" in origin or get_netrc_auth(url) or not isinstance(adapter, HTTPAdapter):
            return None
        request = requests.Request("GET", url).prepare()
        found = adapter.get_connection_with_tls_context(request, settings["verify"], {}, settings["cert"])
        adapter.cert_verify(found, url, settings["verify"], settings["cert"])  # type: ignore[no-untyped-call]
        return found if isinstance(found, urllib3.HTTPConnectionPool) else None


def chunks(response: BaseHTTPResponse, size: int) -> Iterator[bytes]:
    """Give the body in pieces as they come; the connection goes back to its pool when all of it has been read."""
    while piece := response.read1(size):
        yield piece
