"""Options every verb and action takes."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cudepot.cli.speech import WHEN
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.config.site import Site

_URL = re.compile(r"(https?|file)://[A-Za-z0-9._~:/@+,=%\[\]-]+")


def check_url(text: str) -> None:
    """Refuse what is not a URL, or holds a login, or what files of settings and shells read as something else."""
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) if parts.scheme != "file" else parts.path.startswith("/") and not parts.netloc
        good = bool(_URL.fullmatch(text)) and named and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        wrong = f"--url {text!r} is not a URL" if text else "--url is missing"
        raise ConfigError(wrong, hint="give the URL where clients see site/current, here or as `url` of [site]")


def reached(text: str, site: Site, channel: str = "") -> str:
    """Return where clients reach a channel of the site: by ``--url``, else by [site]; raise ConfigError for neither."""
    url = f"{text.rstrip('/')}/{channel}/" if text and channel else text or site.reached_as(channel)
    check_url(url)
    return url


def add_channel(parser: argparse.ArgumentParser) -> None:
    """Declare which channel of the site is meant."""
    text = "the channel of the site that clients use (default: the last of `channels` in [site])"
    parser.add_argument("--channel", default="", metavar="NAME", help=text)


def channel_meant(name: str, site: Site) -> str:
    """Return the channel that is meant: the last where none is named, none where the site has none.

    Raises:
        ConfigError: the site has no such channel.
    """
    if name and name not in site.channels:
        known = ", ".join(site.channels) or "none; name them as `channels` of [site]"
        raise ConfigError(f"the site has no channel called {name!r}", hint=f"its channels: {known}")
    return name or (site.channels[-1] if site.channels else "")


def add_common(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Declare what every verb takes, before or after its name (a default after it would undo what stood before)."""
    parser.add_argument("-C", "--directory", default=default or ".", metavar="DIR", help="folder of cudepot.toml")
    for names, help_text in (
        (("--json",), "print the result as JSON"),
        (("-q", "--quiet"), "no progress; only the result and errors"),
    ):
        parser.add_argument(*names, action="store_true", default=default or False, help=help_text)
    parser.add_argument(
        "--color",
        choices=WHEN,
        default=default or "auto",
        metavar="WHEN",
        help="auto (on a terminal, if NO_COLOR is not set), always or never",
    )
