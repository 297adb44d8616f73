"""What a site kind is: a module that reads the kind's part of ``[site]`` as a place, and places that open sites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cudepot.catalog.config.site import SitePlace
from cudepot.catalog.fields import Table
from cudepot.ports import Inspectable, Objects, Progress
from cudepot.store.local import LocalStore
from cudepot.transport.limits import UNLIMITED, Throttle

if TYPE_CHECKING:
    from cudepot.transport.shown import Offer


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


class Offering(NamedTuple):
    """What of a run a site is served with: no key, and no store that is held.

    Attributes:
        base: folder of cudepot.toml; relative paths in it start here.
        channels: names of the site's channels.
        objects: opens the objects of the store for reading.
    """

    base: Path
    channels: tuple[str, ...]
    objects: Callable[[], Objects]


class Place(SitePlace, Protocol):
    """A place that can be opened, or served."""

    def open(self, around: Surroundings) -> Inspectable:
        """Return the site; what takes long to load, or may fail, is left to this moment."""

    def offer(self, around: Offering) -> Offer | None:
        """Return what ``cudepot serve`` shows; None where a server of its own shows the site."""


class SiteKind(Protocol):
    """The module of a kind; it is loaded to read cudepot.toml, so it loads next to nothing itself."""

    def parse(self, table: Table) -> Place:
        """Return the place that ``[site]`` names; ask the table for the kind's own keys only.

        Raises:
            ConfigError: a value is missing or wrong; it names the place of the first fault.
        """
