"""``[[upstream]]`` of type ``conda``: a channel, where else its files are, and how much of it is mirrored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.config import PLATFORMS, Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.kinds.rules.upstream_fields import url_of
from cudepot.urls import is_unprotected

_TOKEN = re.compile(r"(?<=/)t/[^/]+/")
_USUAL = ("linux-64",)
NOARCH = "noarch"


class ChannelSettings(NamedTuple):
    """What only a channel has.

    Attributes:
        subdirs: platforms of which all is mirrored, where it is mirrored whole; ``noarch`` is always.
        keep: how many of the newest versions of each package then; 0 for all there are.
        max_size: bytes that what is pinned, or all of it, may have together; None for no limit.
        mirrors: URLs of other places that have the same files, asked in this order where the channel's own fails.
        current: whether its ``current_repodata.json`` is read, which has the newest packages and what they need alone.
        token: whether its server wants a token in the path, which ``~/.netrc`` has as password.
    """

    subdirs: tuple[str, ...] = _USUAL
    keep: int = 0
    max_size: int | None = None
    mirrors: tuple[str, ...] = ()
    token: bool = False
    current: bool = False

    def hashed(self) -> Mapping[str, object]:
        """Return what decides what is locked, where it is used: locks were made before there was any."""
        usual = ChannelSettings()
        told = {name: value for name, value in self._asdict().items() if name not in ("mirrors", "token")}
        return {name: value for name, value in told.items() if value != getattr(usual, name)}


def parse_channel(table: Table, upstream: Upstream) -> Upstream:
    """Return a channel with all its table says; raise ConfigError."""
    whole = table.flag("whole")
    for key in ("subdirs", "keep"):
        if table.has(key) and not whole:
            raise ConfigError(
                f"{table.path(key)!r} without `whole = true`", hint=f"for pinned packages, set `{key}` in the [[pin]]"
            )
    own = ChannelSettings(
        table.texts("subdirs", _USUAL),
        table.count("keep", 0),
        table.size("max-size"),
        _mirrors(table),
        table.flag("token"),
        table.flag("current"),
    )
    for one in own.subdirs:
        if one not in (*PLATFORMS, NOARCH):
            raise ConfigError(
                f"unknown platform {one!r} in {table.path('subdirs')!r}",
                hint=f"known: {', '.join((*PLATFORMS, NOARCH))}",
            )
    url = url_of(table)
    _check_no_token(url, table.path("url"))
    return replace(upstream, url=url, whole=whole, keeps=True, settings=own)


def _mirrors(table: Table) -> tuple[str, ...]:
    found = []
    for number, text in enumerate(table.texts("mirrors", ())):
        where = f"{table.path('mirrors')}[{number}]"
        url = url_of(Table({"url": text}, where))
        if is_unprotected(url):
            raise ConfigError(f"{where!r}: an unsigned index over plain http cannot be trusted", hint="use https")
        _check_no_token(url, where)
        found.append(url)
    return tuple(found)


def _check_no_token(url: str, where: str) -> None:
    """Refuse what would stand in locks, on the site and in logs."""
    if _TOKEN.search(url):
        raise ConfigError(
            f"{where!r} holds a token, which would be published",
            hint="remove `/t/TOKEN`, set `token = true`, and put the token into ~/.netrc: `machine HOST login token "
            "password TOKEN`",
        )


def settings_of(upstream: Upstream) -> ChannelSettings:
    """Return the settings of a channel."""
    return upstream.settings if isinstance(upstream.settings, ChannelSettings) else ChannelSettings()


def pins_of(upstream: Upstream, pinned: tuple[Pin, ...]) -> tuple[Pin, ...]:
    """Return what is wanted of a channel: what is pinned of it, or everything."""
    if not upstream.whole:
        return pinned
    own = settings_of(upstream)
    return (*pinned, Pin(upstream.name, ("*",), subdirs=own.subdirs, keep=own.keep))
