"""What a store kind is: a module that reads ``[store]`` as a place, and places that open stores."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from cudepot.catalog.fields import Table
from cudepot.ports import Objects, Progress
from cudepot.store.local import LocalStore
from cudepot.transport.limits import UNLIMITED, Throttle


class Around(NamedTuple):
    """What of a run a store works with.

    Attributes:
        base: folder of cudepot.toml; relative paths in it start here.
        root: folder of the working copy.
        progress: is told of what takes long.
        user_agent: what cudepot calls itself to servers.
        quick: see :class:`~cudepot.store.marks.Marks`.
        singly: whether few objects are needed, so that each is asked for alone: on a worker.
        throttle: paces what is sent.
    """

    base: Path
    root: Path
    progress: Progress
    user_agent: str
    quick: bool = False
    singly: bool = False
    throttle: Throttle = UNLIMITED.throttle


class StorePlace(Protocol):
    """A place that can be opened."""

    def open(self, around: Around) -> LocalStore:
        """Return the store; what takes long to load, or may fail, is left to this moment."""

    def objects(self, base: Path, user_agent: str) -> Objects:
        """Return its objects for those who only read: no working copy is made in ``base``, nothing is held."""


class StoreKind(Protocol):
    """The module of a kind; it is loaded to read cudepot.toml, so it loads next to nothing itself."""

    def parse(self, table: Table) -> StorePlace:
        """Return the place that ``[store]`` names; ask the table for the kind's own keys only.

        Raises:
            ConfigError: a value is missing or wrong; it names the place of the first fault.
        """
