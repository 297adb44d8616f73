"""Sends objects of the store to a bucket, many at a time, each hashed on its way; long ones in parts.

The row of ``scripts/bench site`` is "publish to S3 (radosgw)".
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import BinaryIO, cast

from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.errors import CudepotError, SiteError
from cudepot.ports import FileTraits, ObjectStore
from cudepot.transport.s3.bucket import MOST_COPIED, Bucket

PART = 5 << 20
"""Bytes sent at a time: the least S3 takes for a part, so that sixteen of them are a small matter."""
WHOLE = 32 << 20
"""Bytes up to which a file goes in one request, where it can go the short way: it is never in memory whole."""
_MOST_PARTS = 10_000
_FEW = 4  # parts at a time of an object that is sent beside others
Done = Callable[[str, Digest], None]
"""Told of every object that has certainly arrived."""
Uploads = dict[str, tuple[Digest, str]]
Origin = Callable[[Digest], tuple[str, str] | None]
"""Returns bucket and whole key of an object that the same server has elsewhere; None where it has not."""


class Sender:
    """Sends objects; those that go whole side by side, then the long ones one by one with their parts side by side.

    So there are never more than ``workers`` parts in memory.

    Args:
        bucket: where to.
        store: where from.
        traits: says how a key is served.
        absent: write over nothing: an object that is there stays, and :class:`LostRaceError` is raised.
        origin: tells what the server has in another bucket, and need not be sent.
    """

    def __init__(
        self,
        bucket: Bucket,
        store: ObjectStore,
        traits: Callable[[str], FileTraits],
        *,
        absent: bool = False,
        origin: Origin = lambda _: None,
    ) -> None:
        self._bucket, self._store, self._traits, self._absent = bucket, store, traits, absent
        self._origin, self._copies = origin, True

    def send(
        self,
        wanted: Mapping[str, Digest],
        done: Done,
        uploads: Uploads,
        copies: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Send all.

        Args:
            wanted: key → content.
            done: told of each that has arrived.
            uploads: the uploads in parts that an earlier run began; kept up to date.
            copies: key → another key that has its content already, to be copied from on the server.

        Raises:
            SiteError: the server refuses; what arrived before was told to ``done``.
            StorageError, TrustError: an object is not in the store, or is damaged there.
        """
        whole = {
            key
            for key, one in wanted.items()
            if key in copies or self._elsewhere(one) or one.size <= (PART if key in uploads else WHOLE)
        }
        left = [key for key in wanted if key not in whole]
        with _pool(self._bucket.place.workers) as pool:
            jobs = {  # the largest first: one that comes last keeps only one worker busy
                pool.submit(self._send_whole, key, wanted[key], copies.get(key, "")): key
                for key in sorted(whole, key=lambda key: -wanted[key].size)
            }
            for job in as_completed(jobs):
                key = jobs[job]
                if job.result():
                    done(key, wanted[key])
                else:
                    left.append(key)
            for key in left:
                self._send_long(pool, key, wanted[key], uploads)
                done(key, wanted[key])

    def send_one(self, key: str, digest: Digest) -> None:
        """Send one object; a long one with few of its parts side by side; raise as :meth:`send` does.

        Nothing resumes it: what has arrived of one that fails is given up.
        """
        if digest.size <= WHOLE and self._send_whole(key, digest, ""):
            return
        uploads: Uploads = {}
        try:
            with _pool(_FEW) as pool:
                self._send_long(pool, key, digest, uploads)
        except BaseException:
            for _, upload in uploads.values():
                with suppress(CudepotError):  # gc gives it up later
                    self._bucket.abort(key, upload)
            raise

    def _send_whole(self, key: str, digest: Digest, source: str) -> bool:
        """Send an object in one request; return False where it has to go in parts."""
        traits = self._traits(key)
        if source:
            self._bucket.copy(source, key, traits, digest.sha256)
        elif not self._copied(key, digest, traits) and (
            digest.size > WHOLE or not self._send_direct(key, digest, traits)
        ):
            if digest.size > PART:
                return False
            with self._checked(key, digest) as stream:
                body = _read(stream, digest.size)
            self._bucket.put(key, body, traits, digest.sha256, absent=self._absent)
        self._read_back(key, digest)
        return True

    def _elsewhere(self, digest: Digest) -> tuple[str, str] | None:
        return self._origin(digest) if self._copies and digest.size <= MOST_COPIED else None

    def _copied(self, key: str, digest: Digest, traits: FileTraits) -> bool:
        """Copy an object out of another bucket of the server; one that refuses is not asked again."""
        found = self._elsewhere(digest)
        try:
            if found:
                self._bucket.copy(found[1], key, traits, digest.sha256, found[0])
        except SiteError:
            self._copies = False
            return False
        return found is not None

    def _send_direct(self, key: str, digest: Digest, traits: FileTraits) -> bool:
        with self._checked(key, digest) as stream:
            return self._bucket.put_direct(key, cast(BinaryIO, stream), traits, digest, absent=self._absent)

    def _send_long(self, pool: ThreadPoolExecutor, key: str, digest: Digest, uploads: Uploads) -> None:
        upload, there = self._begun(key, digest, uploads)
        etags: deque[Future[str]] = deque()
        with self._checked(key, digest) as stream:
            for number, body in enumerate(_parts(stream, digest.size), 1):
                if len(etags) >= self._bucket.place.workers:
                    etags[len(etags) - self._bucket.place.workers].result()
                known = there.get(number)
                etags.append(pool.submit(self._send_part, key, upload, number, body, known))
        self._bucket.end_parts(key, upload, [one.result() for one in etags], absent=self._absent)
        del uploads[key]
        self._read_back(key, digest)

    def _begun(self, key: str, digest: Digest, uploads: Uploads) -> tuple[str, dict[int, str]]:
        """Return the upload to go on with and what has arrived of it; parts are compared by their bytes' MD5."""
        before = uploads.get(key)
        if before and before[0] == digest and (there := self._bucket.parts(key, before[1])):
            return before[1], there
        uploads[key] = (digest, self._bucket.begin_parts(key, self._traits(key), digest.sha256))
        return uploads[key][1], {}

    def _send_part(self, key: str, upload: str, number: int, body: bytearray, known: str | None) -> str:
        if known and known == hashlib.md5(body, usedforsecurity=False).hexdigest():
            return known
        return self._bucket.put_part(key, upload, number, body)

    @contextmanager
    def _checked(self, key: str, digest: Digest) -> Iterator[VerifyingReader]:
        with self._store.open(digest) as handle:
            yield VerifyingReader(handle, digest, f"object {digest.sha256[:12]}… ({key})")

    def _read_back(self, key: str, digest: Digest) -> None:
        if not self._bucket.place.read_back:
            return
        with self._bucket.open(key) as stream:
            found = Digest.of_stream(stream)
        if found != digest:
            raise SiteError(
                f"{self._bucket.where}{key}: reads back as {found.size} bytes of sha256 {found.sha256}, "
                f"not the {digest.size} bytes of {digest.sha256} that were written",
                hint="the server, or a proxy before it, damages data: do not use it",
            )


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool that begins nothing more once an error has left the block."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="s3")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _parts(stream: VerifyingReader, size: int) -> Iterator[bytearray]:
    length = max(PART, -(-size // _MOST_PARTS))
    for start in range(0, size, length):
        yield _read(stream, min(length, size - start))


def _read(stream: VerifyingReader, size: int) -> bytearray:
    """Read ``size`` bytes into one buffer; the reader's check comes with the last of the object."""
    body = bytearray(size)
    with memoryview(body) as view:
        done = 0
        while done < size:
            done += stream.readinto(view[done : done + CHUNK])
    return body
