"""Objects on their way into a bucket while the run goes on; what names them waits until they have arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.ports import FileTraits, ObjectStore, Rank
from cudepot.stores.s3.there import There, key_of
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.refusals import LostRaceError
from cudepot.transport.s3.send import Sender

OBJECT = FileTraits(Rank.PACKAGE, "application/octet-stream", "no-store")


class Uploads:
    """Sends objects of the working copy, create-only, several at a time.

    Args:
        bucket: where to.
        cache: the working copy.
        there: is told of each that arrived.
        spoilt: sha256 of objects that are damaged in the bucket: these alone are written over.
    """

    def __init__(self, bucket: Bucket, cache: ObjectStore, there: There, spoilt: set[str]) -> None:
        self._bucket, self._there, self._spoilt = bucket, there, spoilt
        self._creates = Sender(bucket, cache, lambda _: OBJECT, absent=True)
        self._mends = Sender(bucket, cache, lambda _: OBJECT)
        self._pool = ThreadPoolExecutor(bucket.place.workers, thread_name_prefix="upload")
        self._jobs: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def submit(self, digest: Digest, done: Callable[[], None] = lambda: None) -> None:
        """Begin to send an object, unless it is on its way."""
        with self._lock:
            if digest.sha256 not in self._jobs:
                self._jobs[digest.sha256] = self._pool.submit(self._send, digest, done)

    def wait(self) -> None:
        """Return when all have arrived; raise the first refusal, after which what failed may be sent again."""
        with self._lock:
            jobs, self._jobs = self._jobs, {}
        errors = [error for one in jobs.values() if (error := one.exception())]
        if errors:
            raise errors[0]

    def drop(self, digest: Digest) -> None:
        """Forget an object that is to be removed; what has begun is waited for."""
        with self._lock:
            job = self._jobs.pop(digest.sha256, None)
        if job and not job.cancel():
            job.exception()

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _send(self, digest: Digest, done: Callable[[], None]) -> None:
        key = key_of(digest.sha256)
        if digest.sha256 in self._spoilt:
            self._mends.send_one(key, digest)
            self._spoilt.discard(digest.sha256)
        else:
            self._create(key, digest)
        self._there.add(digest)
        done()

    def _create(self, key: str, digest: Digest) -> None:
        try:
            self._creates.send_one(key, digest)
        except LostRaceError:  # somebody else sent the same
            if (size := self._bucket.size(key)) != digest.size:
                raise TrustError(
                    f"{self._bucket.where}{key}: has {size} bytes where {digest.size} belong",
                    hint="run `cudepot verify --repair`, then `cudepot sync`",
                ) from None
