"""``[[hook]]`` of cudepot.toml as values: what is called when something happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.urls import split_url

EVENTS = ("fault-begins", "fault-ends", "changed-in-place", "shown", "promoted")
_HERE = ("localhost", "127.0.0.1", "::1")
_LONGEST = 600  # seconds


class Hook(NamedTuple):
    """Who is called, and for what.

    Attributes:
        name: what reports call it.
        on: the events it is called for, some of :data:`EVENTS`.
        command: a program and its arguments, which gets the event on standard input; empty where ``url`` is given.
        url: where the event is posted; empty where ``command`` is given.
        timeout: seconds that one call may take.
        token_env: environment variable with a token that the server wants (``Authorization: Bearer``); may be empty.
    """

    name: str
    on: tuple[str, ...]
    command: tuple[str, ...] = ()
    url: str = ""
    timeout: int = 30
    token_env: str = ""


def parse_hooks(tables: Iterable[Table]) -> tuple[Hook, ...]:
    """Return the hooks; raise ConfigError that names the place of the first fault."""
    found = tuple(_parsed(one) for one in tables)
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two hooks are called {name!r}", hint="give each a name of its own")
    return found


def _parsed(table: Table) -> Hook:
    hook = Hook(
        table.text("name"),
        table.texts("on"),
        table.texts("command", ()),
        table.text("url", ""),
        table.integer("timeout", 30, low=1, high=_LONGEST),
        table.text("token-env", ""),
    )
    table.done()
    for one in hook.on:
        if one not in EVENTS:
            raise ConfigError(f"unknown event {one!r} in {table.path('on')!r}", hint=f"known: {', '.join(EVENTS)}")
    if bool(hook.command) == bool(hook.url):
        raise ConfigError(f"hook {hook.name!r} needs a command or a url, and not both", hint='command = ["PROGRAM"]')
    if hook.url:
        _check_url(hook.url, table.path("url"))
    if hook.token_env and not hook.url:
        raise ConfigError(f"{table.path('token-env')!r} is for hooks with a url", hint="remove it")
    return hook


def _check_url(url: str, where: str) -> None:
    """Refuse where an event would travel unprotected, or a password would stand in cudepot.toml."""
    parts = split_url(url)
    is_safe = parts is not None and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE))
    if parts is None or not parts.hostname or not is_safe:
        raise ConfigError(f"{where!r} is no https URL", hint="http is taken for this very machine alone (127.0.0.1)")
    if parts.username or parts.password:
        raise ConfigError(f"{where!r} holds a user name or password", hint="`token-env` names a variable with a token")
