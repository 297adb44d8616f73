"""A store in a bucket as ``[store]`` names it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cudepot.catalog.config.bucket import bucket_settings
from cudepot.transport.s3.where import Where

if TYPE_CHECKING:
    from pathlib import Path

    from cudepot.catalog.fields import Table
    from cudepot.stores.kind import Around
    from cudepot.stores.s3.objects import BucketObjects
    from cudepot.stores.s3.store import S3Store

_READERS = 64
"""Connections that are kept for those who read."""


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

        bucket = Bucket(self._beside(around.base), around.user_agent, around.throttle)
        return S3Store(around, bucket, cache=self.cache, singly=around.singly)

    def objects(self, base: Path, user_agent: str) -> BucketObjects:
        """Return its objects for those who only read; clients wait meanwhile, so nobody waits for long."""
        from cudepot.stores.s3.objects import BucketObjects  # noqa: PLC0415
        from cudepot.transport.s3.bucket import Bucket, Patience  # noqa: PLC0415

        place = replace(self._beside(base), workers=max(self.workers, _READERS))
        return BucketObjects(Bucket(place, user_agent, patience=Patience(connect=2, answer=10, tries=2)))

    def _beside(self, base: Path) -> S3StorePlace:
        return replace(self, ca=str(base / self.ca) if self.ca else "")


def parse(table: Table) -> S3StorePlace:
    """Return the place."""
    return S3StorePlace(**bucket_settings(table), table="store", cache=table.size("cache"))
