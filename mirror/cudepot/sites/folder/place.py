"""A folder as ``[site]`` names it: ``path``, relative to cudepot.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cudepot.catalog.fields import Table
    from cudepot.sites.folder.site import FolderSite
    from cudepot.sites.kind import Offering, Surroundings
    from cudepot.transport.shown import Offer


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """The folder of a site; see :class:`cudepot.catalog.config.site.SitePlace`."""

    path: str
    public_url: str = ""
    has_links: bool = True
    dotted_names: bool = False

    def served_folder(self) -> str:
        """Return the folder, as it stands in cudepot.toml."""
        return self.path

    def open(self, around: Surroundings) -> FolderSite:
        """Return the site."""
        from cudepot.sites.folder.site import FolderSite  # noqa: PLC0415 - verbs without a site do not need it

        return FolderSite(around.base / self.path, around.store, around.channels)

    def offer(self, around: Offering) -> Offer:
        """Return what ``cudepot serve`` shows."""
        from cudepot.transport.shown_folder import offer  # noqa: PLC0415 - starlette is there where it serves

        return offer(around.base / self.path, around.channels)


def parse(table: Table) -> FolderPlace:
    """Return the place."""
    return FolderPlace(table.text("path", "site"))
