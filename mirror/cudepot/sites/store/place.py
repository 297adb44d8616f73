"""The store as ``[site]`` names it: there is nothing to say of it but that it is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cudepot.catalog.fields import Table
    from cudepot.sites.kind import Offering, Surroundings
    from cudepot.sites.store.site import StoreSite
    from cudepot.transport.shown import Offer


@dataclass(frozen=True, slots=True)
class StorePlace:
    """See :class:`cudepot.catalog.config.site.SitePlace`."""

    public_url: str = ""
    has_links: bool = True
    dotted_names: bool = False

    def served_folder(self) -> None:
        """Return None: the site takes no folder of its own."""

    def open(self, around: Surroundings) -> StoreSite:
        """Return the site."""
        from cudepot.sites.store.pointer_file import PointerFile  # noqa: PLC0415 - verbs without a site need it not
        from cudepot.sites.store.site import StoreSite  # noqa: PLC0415

        return StoreSite(PointerFile(around.store.pointer), around.store, around.channels)

    def offer(self, around: Offering) -> Offer:
        """Return what ``cudepot serve`` shows."""
        from cudepot.sites.store.serving import offer  # noqa: PLC0415 - starlette is there where it serves

        return offer(around.objects(), around.channels)


def parse(table: Table) -> StorePlace:
    """Return the place; ``path`` may stand there from the folder that the site was before."""
    table.text("path", "")
    return StorePlace()
