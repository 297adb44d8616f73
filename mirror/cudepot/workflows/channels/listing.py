"""``cudepot channels``: what each channel of the site shows, since when, and what it showed before."""

from __future__ import annotations

from typing import NamedTuple

from cudepot.catalog.site.promotion import Promotion
from cudepot.catalog.site.snapshot import parse_head
from cudepot.depot.depot import Depot
from cudepot.depot.pointers import channel_faults, shown_by
from cudepot.depot.promotions import read_promotions


class Channel(NamedTuple):
    """A channel of the site.

    Attributes:
        name: its name.
        shown: the snapshot it shows; None for none.
        shows: the snapshot whose packages that has.
        since: when it was made to show that (UTC); empty for none.
        url: where clients reach it; empty where nothing says so.
        tags: of the snapshot.
        last: the newest record; None for the channel that is published to.
    """

    name: str
    shown: int | None
    shows: int
    since: str
    url: str
    tags: tuple[str, ...]
    last: Promotion | None


class Channels(NamedTuple):
    """All channels, all records, the oldest first, and a line for each thing that is wrong."""

    channels: tuple[Channel, ...]
    records: tuple[Promotion, ...]
    faults: tuple[str, ...]


def list_channels(depot: Depot) -> Channels:
    """Return what the channels show; raise TrustError where a record does not hold."""
    records = read_promotions(depot.store.promotions, depot.site_verifier)
    last = {one.channel: one for one in records}
    shown = shown_by(depot.config, depot.site()) if depot.config.site.channels else {}
    found = tuple(_channel(depot, name, number, last.get(name)) for name, number in shown.items())
    return Channels(found, records, tuple(channel_faults(depot.config, depot.store, depot.site())))


def _channel(depot: Depot, name: str, number: int | None, last: Promotion | None) -> Channel:
    url, tags = depot.config.site.reached_as(name), depot.store.tags.read()
    if number is None or number not in depot.store.snapshots.numbers():
        return Channel(name, number, number or 0, "", url, (), last)
    head = parse_head(depot.store.snapshots.head(number), f"snapshot {number}")
    since = last.when if last and last.snapshot == number else head.created
    shows = head.rollback if head.channel else number
    names = tuple(tag for tag, one in tags.items() if one in (number, shows))
    return Channel(name, number, shows, since, url, names, last)
