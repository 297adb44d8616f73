"""What a bundle says of the site's channels: what each shows, the records of promotions that may be new, and tags."""

from __future__ import annotations

from typing import NamedTuple

from cudepot.catalog.site.bundle import Link, parse_manifest
from cudepot.depot.depot import Depot
from cudepot.depot.pointers import shown_by
from cudepot.digest import Digest
from cudepot.store.layout import EXPORTED
from cudepot.store.local import LocalStore


class Said(NamedTuple):
    """See :class:`cudepot.catalog.site.bundle.Manifest`: the fields of the same names."""

    channels: tuple[tuple[str, int], ...]
    promotion: int
    records: tuple[tuple[Digest, Digest], ...] | None
    tags: tuple[tuple[str, int], ...]


def said_of_channels(depot: Depot, base: Link) -> Said:
    """Return what a bundle that starts from ``base`` says; the records it brings are objects of the store then."""
    store = depot.store
    shown = shown_by(depot.config, depot.site()) if depot.config.site.channels else {}
    channels = tuple((name, number) for name, number in shown.items() if number)
    numbers, tags = store.promotions.numbers(), tuple(store.tags.read().items())
    if not channels:
        return Said((), 0, None, tags)
    known = _known_there(store, base) if numbers else 0
    records = [store.promotions.read(one) for one in numbers if one > known]
    kept = tuple((store.add_bytes(record), store.add_bytes(signature)) for record, signature in records)
    return Said(channels, (numbers or [0])[-1], kept, tags)


def _known_there(store: LocalStore, base: Link) -> int:
    """Return the last promotion whose record came with every bundle that brought ``base``; 0 where that is not known.

    The far side has one of these bundles. Those of a cudepot that sent no records count as having brought none.
    """
    exported = store.manifests(EXPORTED)
    found = [parse_manifest(exported.read(one)[0], one) for one in exported.names()]
    brought = [0 if one.records is None else one.promotion for one in found if one.link == base]
    return min(brought, default=0)
