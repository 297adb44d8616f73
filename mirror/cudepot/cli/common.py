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


def reached(text: str, site: Site) -> str:
    """Return where clients reach the site: what ``--url`` gives, else what [site] says; raise ConfigError for none."""
    url = text or site.reached_at
    check_url(url)
    return url


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
