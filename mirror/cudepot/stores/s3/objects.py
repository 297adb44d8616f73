"""The objects of a store in a bucket, for those who only read: no working copy, and no right to write."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cudepot.digest import Digest
from cudepot.ports import Edition, FileTraits, Rank
from cudepot.store.document import FileDocument
from cudepot.store.layout import SITE
from cudepot.stores.s3.there import key_of
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.refusals import LostRaceError, UnchangedError

TRAITS = FileTraits(Rank.ROOT, "application/json", "no-store")


class BucketDocument:
    """What the site shows, as an object of the bucket; see :class:`cudepot.ports.Document`.

    Args:
        bucket: the bucket.
        before: folder of a store that may have been a folder until now: its document is gone on with.
    """

    def __init__(self, bucket: Bucket, before: Path | None = None) -> None:
        self._bucket, self._before = bucket, before

    @property
    def where(self) -> str:
        """Bucket and key."""
        return f"{self._bucket.where}{SITE.name}"

    def read(self, known: Edition | None = None) -> Edition | None:
        """Return the document; None where there is none, ``known`` itself where that is the document still."""
        try:
            got = self._bucket.get(SITE.name, unless=known.mark if known else "")
        except UnchangedError:
            return known
        if got is not None:
            return Edition(got.body, got.etag)
        before = FileDocument(SITE.at(self._before)).read() if self._before else None
        return Edition(before.body, "") if before else None

    def swap(self, body: bytes, over: Edition | None) -> Edition | None:
        """Write over the edition ``over`` by one conditional request; return None, all unchanged, over any other.

        Raises:
            SiteError: the server refuses, or cannot be reached.
        """
        mark = over.mark if over else ""
        try:
            etag = self._bucket.put(SITE.name, body, TRAITS, sha256(body).hexdigest(), absent=not mark, etag=mark)
        except LostRaceError:  # or the answer to our own write was lost, and boto3 tried again
            got = self._bucket.get(SITE.name)
            return Edition(body, got.etag) if got is not None and got.body == body else None
        return Edition(body, etag)


class BucketObjects:
    """See :class:`cudepot.ports.Objects`."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self.pointer = bucket, BucketDocument(bucket)

    def open(self, digest: Digest, start: int = 0, stop: int | None = None) -> BinaryIO:
        """Open bytes of an object; raise MissingError when it is not there, SiteError when nothing answers."""
        wanted = (start, stop or digest.size)
        return self._bucket.open(key_of(digest.sha256), None if wanted == (0, digest.size) else wanted)
