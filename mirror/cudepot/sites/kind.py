"""What a site kind is: a module that reads the kind's part of ``[site]`` as a place, and places that open sites."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from cudepot.catalog.config.site import SitePlace
from cudepot.catalog.fields import Table
from cudepot.ports import Inspectable, Progress
from cudepot.store.local import LocalStore
from cudepot.transport.limits import UNLIMITED, Throttle


class Surroundings(NamedTuple):
    """What of a run a site works with.

    Attributes:
        base: folder of cudepot.toml; relative paths in it start here.
        store: where the objects come from.
        progress: told of what takes long, and of what clients will stumble over.
        user_agent: what cudepot calls itself to servers.
        throttle: paces what is sent.
        channels: names of the site's channels.
    """

    base: Path
    store: LocalStore
    progress: Progress
    user_agent: str
    throttle: Throttle = UNLIMITED.throttle
    channels: tuple[str, ...] = ()


class Place(SitePlace, Protocol):
    """A place that can be opened."""

    def open(self, around: Surroundings) -> Inspectable:
        """Return the site; what takes long to load, or may fail, is left to this moment."""


class SiteKind(Protocol):
    """The module of a kind; it is loaded to read cudepot.toml, so it loads next to nothing itself."""

    def parse(self, table: Table) -> Place:
        """Return the place that ``[site]`` names; ask the table for the kind's own keys only.

        Raises:
            ConfigError: a value is missing or wrong; it names the place of the first fault.
        """
