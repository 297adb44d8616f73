"""What a store in a bucket holds: looked at, hashed, and dropped where it is damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from cudepot.digest import Digest
from cudepot.store.holdings import Held
from cudepot.store.local import LocalStore
from cudepot.stores.s3.there import There, key_of
from cudepot.transport.s3.bucket import Bucket


class BucketHoldings(LocalStore):
    """The objects of a bucket, and those that are on this machine.

    Attributes:
        bucket: the bucket.
        there: what it has.
        spoilt: sha256 of objects that are damaged there: these alone are written over.
    """

    bucket: Bucket
    there: There
    spoilt: set[str]

    def stock(self, known: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:  # noqa: ARG002
        """Return the size of every object in the bucket, by sha256, as it lists them now, with sizes."""
        self.there.forget()
        return self.there.sizes()

    def counted(self) -> tuple[int, int]:
        """Return how many objects the bucket has, and their bytes, as it listed them last."""
        sizes = self.there.sizes().values()
        return len(sizes), sum(sizes)

    def holdings(self) -> list[Held]:
        """Return what is on this machine, and what the bucket lists."""
        self.there.forget()
        listed = self.there.sizes().items()
        return super().holdings() + [
            Held(f"{self.bucket.where}{key_of(one)}", one, size, is_here=False) for one, size in listed
        ]

    def fault(self, held: Held) -> str:
        """Return what is wrong with an object, here or in the bucket, found by hashing it."""
        if held.is_here:
            return super().fault(held)
        return self.judged(held, self.hash_there(held.name))

    def hash_there(self, sha256: str) -> str:
        """Return the sha256 that an object of the bucket has; raise MissingError when it is not there."""
        with contextlib.closing(self.bucket.open(key_of(sha256))) as stream:
            return Digest.of_stream(stream).sha256

    def judged(self, held: Held, sha256: str) -> str:
        """Return what is wrong with an object that has this sha256; one of the bucket is written over from now on."""
        if not held.is_here and sha256 != held.name:
            self.spoilt.add(held.name)
        return super().judged(held, sha256)

    def drop(self, place: str) -> str:
        """Remove a damaged object from here or from the bucket; return the name it had."""
        if not place.startswith(self.bucket.where):
            return super().drop(place)
        self.bucket.delete(place.removeprefix(self.bucket.where))
        name = place.rpartition("/")[2]
        self.there.remove(name)
        self.spoilt.discard(name)
        return name
