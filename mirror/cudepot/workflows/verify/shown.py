"""What clients see of a site, place by place: of one with channels, what each of them shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.history import History
from cudepot.depot.pointers import check_channel
from cudepot.errors import CudepotError
from cudepot.ports import Inspectable


class Shown(NamedTuple):
    """A snapshot as it is shown in one place.

    Attributes:
        channel: that shows it, the first of several whose files are the very same; empty for a site without channels.
        site: the site as that channel shows it.
        number: of the snapshot; None where nothing is shown.
    """

    channel: str
    site: Inspectable
    number: int | None

    @property
    def where(self) -> str:
        """The place, as faults name it."""
        return f"{self.site.where} ({self.channel})" if self.channel else self.site.where

    def snapshot(self, history: History) -> Snapshot | None:
        """Return what is shown; None where the store has it not, or it does not hold, which is reported by itself."""
        try:
            return history.load(self.number) if self.number in history.numbers() else None
        except CudepotError:
            return None


def shown_places(depot: Depot, only: str = "") -> list[Shown]:
    """Return each place once: two channels may show the same files.

    Args:
        depot: its site is looked at.
        only: the channel that is asked for; empty for all.

    Raises:
        ConfigError: the site has no such channel.
    """
    if only:
        check_channel(depot.config, only)
    found: dict[tuple[str, int | None], Shown] = {}
    for one in _every(depot, only):
        found.setdefault((one.site.where, one.number), one)
    return list(found.values())


def _every(depot: Depot, only: str) -> Iterator[Shown]:
    site = depot.inspectable()
    for name in [one for one in depot.config.site.channels if only in ("", one)] or [""]:
        seen = site.channel(name) if name else site
        yield Shown(name, seen, seen.current())
