"""The Python index that this machine's pip or uv is configured for, where cudepot.toml leaves it to the machine.

Sources: pip's "Configuration" (files, precedence, names of environment variables) and uv's "Configuration files" and
"Package indexes". What pip says counts before what uv says, and a variable before a file, as either has it.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from cudepot.cli.home import NO_HOME, home
from cudepot.errors import ConfigError
from cudepot.urls import split_url

_NAMED = re.compile(r"[A-Za-z0-9._-]+=(?=[a-z]+://)")  # uv: NAME=URL
_SECTIONS = ("install", "global")  # pip: those of a command before the one for all


class Found(NamedTuple):
    """A place that is configured, and which setting names it."""

    url: str
    where: str


def machine_index() -> str:
    """Return the URL of the index.

    Raises:
        ConfigError: none is configured, or one with a login, or one that is not on the web.
    """
    return choose(os.environ, home(), Path(sys.prefix))


def lasting_index() -> str:
    """Return the URL that any user and job of this machine would get; empty where none is configured for all."""
    try:
        return choose({}, NO_HOME, Path(sys.prefix))
    except ConfigError:
        return ""


def choose(environ: Mapping[str, str], home: Path, prefix: Path, root: Path = Path("/")) -> str:
    """Return the URL of the first index that is configured.

    Args:
        environ: the environment.
        home: folder of the user.
        prefix: folder of this Python.
        root: where the machine's own configuration begins.

    Raises:
        ConfigError: see :func:`machine_index`.
    """
    found = next((one for one in _all(environ, home, prefix, root) if one.url), None)
    if found is None:
        raise ConfigError(
            "preset 'pypi' is the index that this machine's pip or uv is configured for, but neither is "
            "configured for one",
            hint="give `url` as well as `preset` in cudepot.toml, or set index-url in /etc/pip.conf ([global]): cron "
            "and systemd read these too; PIP_INDEX_URL and UV_DEFAULT_INDEX count only where they are set",
        )
    return usable(found)


def usable(found: Found) -> str:
    """Return the URL of what is configured; raise ConfigError for one with a login, or one that is not on the web."""
    parts = split_url(found.url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{found.where} names no index on the web", hint="give `url` as well as `preset` in cudepot.toml"
        )
    if "@" in parts.netloc:
        raise ConfigError(
            f"{found.where} contains a login, which would end up in the lock",
            hint=f"put the login into ~/.netrc (`machine {parts.hostname} login NAME password SECRET`), which pip "
            "and uv read as well (apt: /etc/apt/auth.conf), and give the URL without one",
        )
    return found.url


def _all(environ: Mapping[str, str], home: Path, prefix: Path, root: Path) -> Iterator[Found]:
    yield Found(environ.get("PIP_INDEX_URL", "").strip(), "PIP_INDEX_URL")
    yield _pip_files(environ, home, prefix, root)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        yield Found(_NAMED.sub("", environ.get(name, "").strip(), count=1), name)
    yield from _uv_files(environ, home, root)


def _pip_files(environ: Mapping[str, str], home: Path, prefix: Path, root: Path) -> Found:
    """Return what pip's files say: of each section the last file counts."""
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return Found("", "")
    shared = [folder / "pip/pip.conf" for folder in _shared(environ, root)]
    own = [home / ".pip/pip.conf", _own(environ, home) / "pip/pip.conf", prefix / "pip.conf"]
    said: dict[str, Found] = {}
    for path in (*shared, root / "etc/pip.conf", *own, *([Path(named)] if named else [])):
        for section, url in _sections(path):
            said[section] = Found(url, str(path))
    return next((said[one] for one in _SECTIONS if one in said), Found("", ""))


def _sections(path: Path) -> Iterator[tuple[str, str]]:
    """Give the indexes that a pip.conf names, by section; nothing of one that cannot be read."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except (OSError, ValueError, configparser.Error):
        return
    for section in _SECTIONS:
        for name in ("index-url", "index_url", "i"):
            if url := parser.get(section, name, fallback="").strip():
                yield section, url
                break


def _uv_files(environ: Mapping[str, str], home: Path, root: Path) -> Iterator[Found]:
    if environ.get("UV_NO_CONFIG"):
        return
    named = environ.get("UV_CONFIG_FILE", "")
    usual = [_own(environ, home) / "uv/uv.toml", *(one / "uv/uv.toml" for one in _shared(environ, root))]
    for path in [Path(named)] if named else [*usual, root / "etc/uv/uv.toml"]:
        try:
            table = tomli.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        yield Found(_of_uv(table), str(path))


def _of_uv(table: Mapping[str, Any]) -> str:
    """Return the default index of a uv.toml; empty where it names none."""
    indexes = table.get("index")
    for one in indexes if isinstance(indexes, list) else []:
        if isinstance(one, dict) and one.get("default") is True and isinstance(one.get("url"), str):
            return str(one["url"])
    inner = table.get("pip")
    urls = (table.get("index-url"), inner.get("index-url") if isinstance(inner, dict) else "")
    return next((one for one in urls if isinstance(one, str) and one), "")


def _own(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config")


def _shared(environ: Mapping[str, str], root: Path) -> list[Path]:
    named = environ.get("XDG_CONFIG_DIRS", "")
    return [Path(one) for one in named.split(":") if one] or [root / "etc/xdg"]
