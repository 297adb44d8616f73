"""Configuration for clients that see the site alone: ``pip.conf`` and ``uv.toml``. Pure.

Formats: pip's configuration files, uv's ``[[index]]``.
"""

from __future__ import annotations

import tomli_w

from cudepot.kinds.rules.client_head import head

PIP, UV = "etc/pip.conf", "etc/uv/uv.toml"


def pip_conf(label: str, url: str) -> bytes:
    """Return a ``pip.conf`` whose only index is the site's; ``url`` is where clients see the site, without a slash."""
    return f"{head(label, PIP)}[global]\nindex-url = {url}/simple/\n".encode()


def uv_toml(label: str, url: str) -> bytes:
    """Return a ``uv.toml`` whose only index is the site's; arguments as above."""
    index = {"name": label, "url": f"{url}/simple/", "default": True}
    return (head(label, UV) + tomli_w.dumps({"index": [index]})).encode()
