"""The site kinds, a row each. To add one: a folder here, a module in it as :mod:`cudepot.sites.kind` says, and a row.

Rows are names, so that a run loads the one kind that its cudepot.toml asks for. ``tests/sites.py`` gives a new kind to
the contract that all of them keep.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from cudepot.catalog.config.site import Site
    from cudepot.catalog.fields import Table
    from cudepot.ports import Inspectable
    from cudepot.sites.kind import Offering, Place, SiteKind, Surroundings
    from cudepot.transport.shown import Offer

SITES = {
    "folder": "cudepot.sites.folder.place", "s3": "cudepot.sites.s3.place", "store": "cudepot.sites.store.place",
}  # fmt: skip
"""``type`` in ``[site]`` → the module of the kind; the first is meant where nothing is said."""


def parse_place(table: Table) -> Place:
    """Return the place that ``[site]`` names; raise ConfigError when its type is none of ours, or a value is wrong."""
    name = table.choice("type", tuple(SITES), next(iter(SITES)))
    kind: SiteKind = cast("SiteKind", import_module(SITES[name]))
    return kind.parse(table)


def open_site(site: Site, around: Surroundings) -> Inspectable:
    """Return the site that is configured; its place came from :func:`parse_place`."""
    return cast("Place", site.place).open(around)


def offer_site(site: Site, around: Offering) -> Offer | None:
    """Return what ``cudepot serve`` shows of the site that is configured; None where its own server shows it."""
    return cast("Place", site.place).offer(around)
