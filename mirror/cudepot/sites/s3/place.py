"""A bucket as ``[site]`` names it: where it is and how it is reached, but no credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cudepot.catalog.config.site import folder_url, plain_url
from cudepot.errors import ConfigError
from cudepot.paths import plain_path

if TYPE_CHECKING:
    from cudepot.catalog.fields import Table
    from cudepot.sites.kind import Surroundings
    from cudepot.sites.s3.site import S3Site

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where an S3 site is and how it is reached; credentials come from boto3's own chain, never from here.

    Attributes:
        bucket: its name; it has to exist.
        prefix: what every key begins with; empty, or ending in ``/``.
        endpoint: URL of the server; empty for AWS.
        region: as the server wants it signed.
        path_style: ``http://server/bucket/key`` rather than ``http://bucket.server/key``.
        profile: of boto3's configuration; empty for its default.
        ca: file of certificates to trust; empty for the system's.
        proxy: URL of a proxy; empty for none but the environment's.
        public_url: where clients read the site, ending in ``/``; empty for the bucket itself.
        grace: seconds that a file stays after the last kept snapshot that names it is gone.
        folder_pages: whether ``FOLDER/`` and ``FOLDER/./NAME`` are objects too; some servers cannot hold such names.
        read_back: whether everything written is read again and hashed.
        workers: transfers at a time.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False
    profile: str = ""
    ca: str = ""
    proxy: str = ""
    public_url: str = ""
    grace: int = 86400
    folder_pages: bool = True
    read_back: bool = False
    workers: int = 16

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
        from cudepot.sites.s3.bucket import Bucket  # noqa: PLC0415
        from cudepot.sites.s3.site import S3Site  # noqa: PLC0415
        from cudepot.sites.s3.snapshot import Names  # noqa: PLC0415

        place = replace(self, ca=str(around.base / self.ca) if self.ca else "")
        names = Names(traits, whole_apt, extra=self.folder_pages)
        return S3Site(
            Bucket(place, around.user_agent, around.throttle), around.store, around.store.id, names, around.progress
        )


def parse(table: Table) -> S3Place:
    """Return the place; ``path`` may stand there from the folder that the site was before."""
    table.text("path", "")
    prefix = table.text("prefix", "").strip("/")
    if prefix and plain_path(prefix) != prefix:
        raise ConfigError(f"'site.prefix' is not a plain path: {prefix!r}")
    endpoint = plain_url(table, "endpoint")
    return S3Place(
        bucket=_bucket(table.text("bucket")),
        prefix=f"{prefix}/" if prefix else "",
        endpoint=endpoint,
        region=table.text("region", "us-east-1"),
        path_style=table.flag("path-style", default=bool(endpoint)),
        profile=table.text("profile", ""),
        ca=table.text("ca", ""),
        proxy=plain_url(table, "proxy"),
        public_url=folder_url(table, "public-url"),
        grace=table.integer("grace-hours", 24) * 3600,
        folder_pages=table.flag("folder-pages", default=True),
        read_back=table.flag("read-back"),
        workers=table.integer("workers", 16, low=1, high=64),
    )


def _bucket(name: str) -> str:
    if not _BUCKET.fullmatch(name):
        raise ConfigError(f"'site.bucket' is not a bucket name: {name!r}")
    return name
