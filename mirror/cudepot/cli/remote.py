"""Opens what is reached over HTTP as the environment says: its proxies, logins, certificates and number of tries."""

from __future__ import annotations

import os

from cudepot import __version__
from cudepot.cli.home import home, is_there
from cudepot.errors import ConfigError
from cudepot.ports import Source
from cudepot.transport.limits import Limits

USER_AGENT = f"cudepot/{__version__}"
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


def open_remote(url: str, accept: str, *, limits: Limits) -> Source:
    """Return what is at a URL; ``accept`` is what is asked for, as HTTP writes media types."""
    from cudepot.transport.http.source import HttpSource
    from cudepot.transport.retrying import Retrying

    http = HttpSource(
        url,
        accept=accept,
        user_agent=USER_AGENT,
        plain=_is_plain(),
        certificates=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or "",
        limits=limits,
    )
    return Retrying(http, tries=_tries())


def _is_plain() -> bool:
    """Return whether the environment names neither a proxy nor a file of logins: then nobody has to look for them."""
    proxies = {name.lower() for name, value in os.environ.items() if value} & _PROXIES
    logins = [os.environ.get("NETRC", ""), *(str(home() / name) for name in (".netrc", "_netrc"))]
    return not proxies and not any(one and is_there(one) for one in logins)


def _tries() -> int:
    """Return how often a transfer is tried without progress before it is given up."""
    text = os.environ.get("CUDEPOT_TRIES", "5")
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"CUDEPOT_TRIES is {text!r}, not a number from 1 up", hint="unset it: 5 is the default")
    return int(text)
