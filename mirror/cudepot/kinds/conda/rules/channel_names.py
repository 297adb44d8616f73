"""Which upstream a channel is, as files for conda write it: a name, a URL, one of a mirror. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import Line
from cudepot.urls import split_url

_TOKEN = re.compile(r"(?<=/)t/[^/]+/")
_LOGIN = re.compile(r"(?<=://)[^/@]*@")
_LABEL = "/label/"


def plain(text: str) -> str:
    """Return a channel without a slash at the end, and without what lets people in.

    >>> plain("https://me:pw@host/t/secret/conda-forge/")
    'https://host/conda-forge'
    """
    return _TOKEN.sub("", _LOGIN.sub("", text)).rstrip("/")


def upstream_of(text: str, upstreams: Iterable[Upstream]) -> Upstream | None:
    """Return the upstream that a channel is: of that name or URL, else of that path; None for no such.

    Files name a channel at the place it had for who wrote them; cudepot.toml says where it is taken from.
    """
    channel, there = plain(text), tuple(upstreams)
    parts = split_url(channel) if "://" in channel else None
    path = parts.path.strip("/") if parts else channel
    last = path.rpartition("/")[2] if parts and _LABEL not in channel else ""
    tests = (
        lambda one: channel in (one.name, one.url.rstrip("/")),
        lambda one: path == one.name or one.url.rstrip("/").endswith(f"/{path}"),
        lambda one: last == one.name,
    )
    return next((one for test in tests for one in there if test(one)), None)


def known(channel: Line, upstreams: Iterable[Upstream]) -> Upstream:
    """Return the upstream that a channel is; raise ConfigError where none is."""
    there = tuple(upstreams)
    found = upstream_of(channel.text, there)
    if found is None:
        hint = f"add an [[upstream]] with this name, or this path in its url; there are: {_listed(there)}"
        raise ConfigError(f"{channel.where}: no upstream is channel {plain(channel.text)[:200]!r}", hint=hint)
    return found


def _listed(upstreams: Iterable[Upstream]) -> str:
    return ", ".join(one.name for one in upstreams) or "none"
