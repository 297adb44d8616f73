"""A site in a bucket as ``[site]`` names it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cudepot.catalog.config.bucket import bucket_settings
from cudepot.catalog.config.site import folder_url
from cudepot.transport.s3.where import Where

if TYPE_CHECKING:
    from cudepot.catalog.fields import Table
    from cudepot.digest import Digest
    from cudepot.sites.kind import Offering, Surroundings
    from cudepot.sites.s3.site import Family, S3Site
    from cudepot.transport.s3.send import Origin


@dataclass(frozen=True, slots=True)
class S3Place(Where):
    """Where an S3 site is; ``public_url`` is where clients read it.

    Attributes:
        folder_pages: whether ``FOLDER/`` and ``FOLDER/./NAME`` are objects too; some servers cannot hold such names.
    """

    folder_pages: bool = True

    @property
    def has_links(self) -> bool:
        """False: a second name is a copy on the server."""
        return False

    @property
    def dotted_names(self) -> bool:
        """Whether the server can hold such names, and is given them."""
        return self.folder_pages

    def served_folder(self) -> None:
        """Return None: a bucket is shown by its own server."""

    def open(self, around: Surroundings) -> S3Site:
        """Return the site."""
        # boto3 takes 200 ms to import: only runs that open a bucket pay for it.
        from cudepot.catalog.nvidia.site_paths import whole_apt  # noqa: PLC0415
        from cudepot.catalog.site.file_traits import traits  # noqa: PLC0415
        from cudepot.sites.s3.channels import Channels  # noqa: PLC0415
        from cudepot.sites.s3.site import S3Site  # noqa: PLC0415
        from cudepot.sites.s3.snapshot import Names  # noqa: PLC0415
        from cudepot.transport.s3.bucket import Bucket  # noqa: PLC0415

        whole = replace(self, ca=str(around.base / self.ca) if self.ca else "")
        names = Names(traits, whole_apt, extra=self.folder_pages)
        store = around.store

        def made(place: S3Place, origin: Origin, channels: Family | None) -> S3Site:
            bucket = Bucket(place, around.user_agent, around.throttle)
            return S3Site(bucket, store, store.id, names, around.progress, origin=origin, channels=channels)

        def copied(digest: Digest) -> tuple[str, str] | None:
            return store.server_copy(whole, digest)

        if around.channels:
            return Channels(whole, around.channels, made, copied)(around.channels[0])
        return made(whole, copied, None)

    def offer(self, around: Offering) -> None:
        """Return None: a bucket is shown by its own server."""


def parse(table: Table) -> S3Place:
    """Return the place; ``path`` may stand there from the folder that the site was before."""
    table.text("path", "")
    return S3Place(
        **bucket_settings(table),
        public_url=folder_url(table, "public-url"),
        folder_pages=table.flag("folder-pages", default=True),
    )
