"""Which objects a bucket has: what it lists, and what was sent since. Nothing else is believed to be there."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from cudepot.catalog.site_tops import OBJECTS
from cudepot.digest import Digest
from cudepot.errors import MissingError
from cudepot.transport.s3.bucket import Bucket

ROOM = f"{OBJECTS}/"
_HEX = "0123456789abcdef"


def key_of(sha256: str) -> str:
    """Return the key of an object."""
    return f"{ROOM}{sha256[:2]}/{sha256}"


class There:
    """The objects of a bucket by sha256, each with its size; listed when it is asked for first.

    Args:
        bucket: the bucket.
        singly: ask for each object alone instead of listing all: for a worker, which needs few.
    """

    def __init__(self, bucket: Bucket, *, singly: bool = False) -> None:
        self._bucket, self._singly = bucket, singly
        self._sizes: dict[str, int] = {}
        self._absent: set[str] = set()  # of those that were asked for alone
        self._listed = False
        self._lock = threading.Lock()

    def size(self, sha256: str) -> int | None:
        """Return the size of an object; None where it is not there."""
        if self._singly and sha256 not in self._sizes and sha256 not in self._absent:
            self._ask(sha256)
        return self._all().get(sha256)

    def holds(self, digest: Digest) -> bool:
        """Return whether an object is there, with its size."""
        return self.size(digest.sha256) == digest.size

    def sizes(self) -> dict[str, int]:
        """Return all there are."""
        return dict(self._all())

    def add(self, digest: Digest) -> None:
        """Note an object that certainly arrived."""
        self._sizes[digest.sha256] = digest.size

    def lacks(self, sha256s: Iterable[str]) -> None:
        """Take it from whoever has listed the bucket that objects are not there: it need not be asked for them."""
        self._absent |= {one for one in sha256s if one not in self._sizes}

    def remove(self, sha256: str) -> None:
        """Forget one that is not there any more, or not as its name says."""
        self._all().pop(sha256, None)

    def forget(self) -> None:
        """List anew when it is asked for next."""
        self._sizes, self._absent, self._listed = {}, set(), False

    def _ask(self, sha256: str) -> None:
        try:
            self._sizes[sha256] = self._bucket.size(key_of(sha256))
        except MissingError:
            self._absent.add(sha256)

    def _all(self) -> dict[str, int]:
        with self._lock:
            if not self._listed and not self._singly:
                found = dict(self._list())
                self._sizes = found | self._sizes
            self._listed = True
        return self._sizes

    def _list(self) -> Iterator[tuple[str, int]]:
        """Give all objects; pages of different first digits come side by side."""
        with ThreadPoolExecutor(min(len(_HEX), self._bucket.place.workers)) as pool:
            for some in pool.map(lambda one: list(self._bucket.stock(ROOM + one)), _HEX):
                yield from ((key.rpartition("/")[2], size) for key, size, _ in some)
