"""A store in a bucket as ``[store]`` names it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cudepot.catalog.config.bucket import bucket_settings
from cudepot.transport.s3.where import Where

if TYPE_CHECKING:
    from cudepot.catalog.fields import Table
    from cudepot.stores.kind import Around
    from cudepot.stores.s3.store import S3Store


@dataclass(frozen=True, slots=True)
class S3StorePlace(Where):
    """Where the bucket of a store is.

    Attributes:
        cache: bytes that objects may take on this machine after a run; None for as many as there are.
    """

    cache: int | None = None

    def open(self, around: Around) -> S3Store:
        """Return the store."""
        # boto3 takes 200 ms to import: only runs that open a bucket pay for it.
        from cudepot.stores.s3.store import S3Store  # noqa: PLC0415
        from cudepot.transport.s3.bucket import Bucket  # noqa: PLC0415

        place = replace(self, ca=str(around.base / self.ca) if self.ca else "")
        return S3Store(
            around, Bucket(place, around.user_agent, around.throttle), cache=self.cache, singly=around.singly
        )


def parse(table: Table) -> S3StorePlace:
    """Return the place."""
    return S3StorePlace(**bucket_settings(table), table="store", cache=table.size("cache"))
