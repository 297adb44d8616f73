"""``[[upstream]]`` tables of cudepot.toml as values: where artifacts come from, and whose signatures count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cudepot.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]*(/[a-z0-9][a-z0-9._+-]*)*")


class Settings(Protocol):
    """What one kind of upstream has in its table beside what all have."""

    def hashed(self) -> Mapping[str, object]:
        """Return what of it decides what is locked, by name; it may say other values of the settings all have."""
        ...


class NoSettings(NamedTuple):
    """Of a kind that has none."""

    def hashed(self) -> Mapping[str, object]:
        """Return nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One place artifacts come from.

    Attributes:
        name: also the folder below ``apt/`` or its like on the site; may hold slashes.
        type: its kind, as the registry of kinds knows it.
        url: base URL, ending in a slash; empty for what is on this machine.
        path: folder or installer, relative to cudepot.toml; empty for what has a URL.
        keys: full fingerprints that may sign its root.
        keyrings: files with the public keys, relative to cudepot.toml.
        package_keys: full fingerprints that may sign packages themselves (``rpm-keys``); empty where none is checked.
        architectures: those wanted, as the kind names them (``all`` and ``noarch`` are always taken); empty where
            packages have none.
        distributions: those whose machines it is for, as environments name them; empty for all.
        boundary: globs over names of dependencies that are left to the distribution.
        whole: mirror all of it, as the upstream signed it.
        extras: files beside a whole repository that nothing signs (``.pin``, keys, keyring packages).
        valid_for: seconds a published root stays valid (``Valid-Until``); 0 for ever.
        max_age: days after which a root is reported as old; 0 for never.
        keeps: whether its pins may have `keep`: several versions of what they name.
        connections: requests to it at a time; 0 for as many as the run may have.
        settings: what only its kind has.
    """

    name: str
    type: str
    url: str = ""
    path: str = ""
    keys: tuple[str, ...] = ()
    keyrings: tuple[str, ...] = ()
    package_keys: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    boundary: tuple[str, ...] = ()
    whole: bool = False
    extras: tuple[str, ...] = ()
    valid_for: int = 0
    max_age: int = 0
    keeps: bool = False
    connections: int = 0
    settings: Settings = field(default_factory=NoSettings)

    @property
    def place(self) -> str:
        """URL or path: where people look for it."""
        return self.url or self.path


def upstream_name(text: str, where: str) -> str:
    """Return a name that an upstream may have; raise ConfigError, which tells ``where`` it stands, for another."""
    if not _NAME.fullmatch(text):
        raise ConfigError(f"{where!r} must be lower-case words joined by '/', found {text!r}")
    return text
