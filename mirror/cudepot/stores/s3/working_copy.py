"""Objects of a bucket, and their copies on this machine: brought when they are read, sent when they are made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from cudepot.digest import CHUNK, Digest, MismatchError
from cudepot.errors import MissingError, TrustError
from cudepot.stores.kind import Around
from cudepot.stores.s3.cache import Cache
from cudepot.stores.s3.holdings import BucketHoldings
from cudepot.stores.s3.there import There, key_of
from cudepot.stores.s3.uploads import Uploads
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.where import Where


class WorkingCopy(BucketHoldings):
    """The objects of :class:`~cudepot.stores.s3.store.S3Store`; what it is made with is said there."""

    def __init__(self, around: Around, bucket: Bucket, *, cache: int | None = None, singly: bool = False) -> None:
        super().__init__(around.root, create=True, durable=not singly, quick=around.quick)
        self.bucket, self._progress, self._limit = bucket, around.progress, cache
        self._cache = Cache(self.root, self.marks, durable=not singly)
        self.there = There(bucket, singly=singly)
        self.spoilt: set[str] = set()
        self._uploads: Uploads | None = None

    @property
    def where(self) -> str:
        """The bucket and prefix."""
        return self.bucket.where

    @property
    def elsewhere(self) -> str:
        """The bucket and prefix: losing this machine loses nothing of the store."""
        return self.where

    def name(self, digest: Digest) -> str:
        """Return where the object can be read on this machine, brought from the bucket where it is only there."""
        if not super().has(digest) and (size := self.there.size(digest.sha256)) is not None:
            self._bring(Digest(digest.sha256, size))
        return self.here(digest)

    def has(self, digest: Digest) -> bool:
        """Return whether the object is in the bucket, or here and on its way there."""
        if digest.sha256 in self.spoilt:
            return False
        if self.there.holds(digest):
            return True
        if not super().has(digest):
            return False
        self._send(digest)
        return True

    def is_marked(self, digest: Digest) -> bool:
        """Return whether :meth:`has` need not hash the object to know."""
        if digest.sha256 in self.spoilt:
            return False
        return self.there.holds(digest) or (super().is_marked(digest) and self.has(digest))

    def is_damaged(self, digest: Digest) -> bool:
        """Return whether other bytes were read in the object's place."""
        return digest.sha256 in self.spoilt or super().is_damaged(digest)

    def bring(self, wanted: Iterable[Digest]) -> None:
        """Have objects on this machine, several at a time."""
        lacking = {one for one in wanted if not super(WorkingCopy, self).has(one) and self.there.holds(one)}
        if not lacking:
            return
        self._progress.begin(f"bringing {len(lacking)} objects", sum(one.size for one in lacking), len(lacking))
        try:
            with ThreadPoolExecutor(self.bucket.place.workers) as pool:
                for one in pool.map(self._brought, lacking):
                    self._progress.advance(one.size, 1)
        finally:
            self._progress.end()

    def brought(self, wanted: Iterable[Digest]) -> Iterator[Digest]:
        """Give objects one after the other; no more of them are on this machine at a time than ``cache`` allows."""
        some: list[Digest] = []
        size = 0
        for one in wanted:
            if some and self._limit is not None and size + one.size > self._limit:
                yield from self._portion(some)
                some, size = [], 0
            some.append(one)
            size += one.size
        yield from self._portion(some)

    def _portion(self, some: list[Digest]) -> Iterator[Digest]:
        self.bring(some)
        yield from some
        self._cache.trim(self._limit, self.there)

    def lacking(self, wanted: Iterable[Digest]) -> int:
        """Return the bytes of objects that are in the bucket only."""
        lacking = {one for one in wanted if not Path(self.here(one)).exists()}
        return sum(one.size for one in lacking)

    def _brought(self, digest: Digest) -> Digest:
        self._bring(digest)
        return digest

    def _bring(self, digest: Digest) -> None:
        """Fetch an object into the working copy; it is hashed on its way."""
        try:
            with self._cache.part(digest) as part:
                if part.size < digest.size:
                    part.restart()
                    with contextlib.closing(self.bucket.open(key_of(digest.sha256))) as stream:
                        while chunk := stream.read(CHUNK):
                            part.write(chunk)
                part.commit()
        except MissingError:
            self.there.remove(digest.sha256)
        except MismatchError as error:
            self.spoilt.add(digest.sha256)
            raise TrustError(
                f"{self.where}{key_of(digest.sha256)} is damaged: it does not hold the {digest.size} bytes its name "
                "stands for",
                hint="run `cudepot verify --repair`, then `cudepot sync`",
            ) from error

    def seal(
        self, file: BinaryIO | FileIO, path: str, digest: Digest, *, settle: bool = True, gather: bool = False
    ) -> None:
        """Move a complete, checked file to its place, and send it to the bucket."""
        if gather:
            super().seal(file, path, digest, settle=settle, gather=True)
            return
        self._cache.seal(file, path, digest, settle=settle)
        self._spoilt_is_mended(digest)
        self._send(digest)

    def _spoilt_is_mended(self, digest: Digest) -> None:
        if digest.sha256 in self.spoilt:
            self.there.remove(digest.sha256)

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """As :meth:`LocalStore.gathering`; all are sent in the end."""
        added: list[str] = []
        with super().gathering():
            yield
            added = list(self._gathered)
        for sha256 in added:
            size = Path(f"{self._objects}{sha256[:2]}/{sha256}").stat().st_size
            self._send(Digest(sha256, size))

    def _send(self, digest: Digest) -> None:
        """Begin to send an object that the bucket lacks; a run that may change nothing sends nothing.

        What is being gathered has no place of its own yet, and is sent in the end.
        """
        if self._uploads is not None and digest.sha256 not in self._gathered and not self.there.holds(digest):
            self._uploads.submit(digest)

    def settle(self) -> None:
        """Make the names of all objects that came so far durable on this machine; the bucket has them in the end."""
        super().settle()
        self._cache.settle()

    def relist(self) -> None:
        """Look anew at what the bucket has."""
        self.there.forget()

    def trim(self, most: int) -> None:
        """Remove what was read here longest ago, until the limit of `[store]` is kept, or ``most`` without one."""
        self._cache.trim(self._limit or most, self.there)

    def discard(self, digest: Digest) -> None:
        """Remove an object here and in the bucket."""
        if self._uploads is not None:
            self._uploads.drop(digest)
        super().discard(digest)
        self.bucket.delete(key_of(digest.sha256))
        self.there.remove(digest.sha256)

    def server_copy(self, where: object, digest: Digest) -> tuple[str, str] | None:
        """Return bucket and key of an object, where its server is that of ``where`` as well."""
        place = self.bucket.place
        if not isinstance(where, Where) or not where.is_beside(place) or not self.there.holds(digest):
            return None
        return place.bucket, place.prefix + key_of(digest.sha256)

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Send what becomes an object meanwhile, and wait for it in the end."""
        self._uploads = uploads = Uploads(self.bucket, self._cache, self.there, self.spoilt)
        try:
            yield
            uploads.wait()
        finally:
            self._uploads = None
            uploads.close()
