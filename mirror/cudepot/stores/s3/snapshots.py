"""Snapshots of a store in a bucket: one object each, document and signature together, created once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from cudepot.errors import BusyError, StorageError
from cudepot.ports import FileTraits, Rank
from cudepot.store.snapshots import Snapshots
from cudepot.stores.s3.records import RecordGoneError
from cudepot.stores.s3.records import key_of as record_key
from cudepot.stores.s3.state import State
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.refusals import LostRaceError

ROOM = "snapshots/"
TRAITS = FileTraits(Rank.HASHED, "application/json", "no-store")


Announce = Callable[[int, bytes], None]


def key_of(number: int) -> str:
    """Return the key of a snapshot."""
    return f"{ROOM}{number:06d}.json"


class BucketSnapshots(Snapshots):
    """The working copy of the snapshots of a bucket.

    Args:
        root: of the working copy.
        bucket: where they are.
        announce: told a snapshot before it is created: the state names it from then on, and all that it consists of is
            in the bucket.
        doomed: is told the numbers of those to be removed from the bucket when the state is changed next.
    """

    def __init__(self, root: Path, bucket: Bucket, announce: Announce, doomed: set[int]) -> None:
        super().__init__(root)
        self._bucket, self._announce, self._doomed = bucket, announce, doomed

    def add(self, number: int, document: bytes, signature: bytes) -> None:
        """Keep a snapshot for good.

        Raises:
            BusyError: another machine made one of that number, or changed the store otherwise.
        """
        if number in self.numbers():
            super().add(number, document, signature)  # says what is wrong
        self._announce(number, _rendered(document, signature))
        super().add(number, document, signature)  # from here on it is one, whatever happens to what follows
        self.create(number, document, signature)

    def create(self, number: int, document: bytes, signature: bytes) -> None:
        """Write a snapshot of the working copy into the bucket, unless this very one is there."""
        body = _rendered(document, signature)
        try:
            self._bucket.put(key_of(number), body, TRAITS, sha256(body).hexdigest(), absent=True)
        except LostRaceError as error:
            got = self._bucket.get(key_of(number))
            if got is None or got.body != body:
                raise BusyError(
                    f"{self._bucket.where}{key_of(number)}: another machine made snapshot {number} meanwhile",
                    hint="run the command again: it begins with what that one made",
                ) from error

    def restore(self, number: int, document: bytes, signature: bytes) -> None:
        """Put back a damaged snapshot, in the bucket as well."""
        body = _rendered(document, signature)
        self._bucket.put(key_of(number), body, TRAITS, sha256(body).hexdigest())
        super().restore(number, document, signature)

    def remove(self, number: int, *, link: bool) -> None:
        """Forget a snapshot; the bucket's when the state says so."""
        super().remove(number, link=link)
        self._doomed.add(number)

    def pull(self, state: State) -> None:
        """Make the working copy have those that a state keeps, and those that came after it.

        Documents of the others are records: what is left of them is decided there.

        Raises:
            RecordGoneError: one is not there.
        """
        there = {int(key[len(ROOM) :][:6]) for key, _, _ in self._bucket.stock(ROOM)}
        keys = {one: key_of(one) for one in there if one in state.snapshots or one > state.newest}
        if state.coming and state.coming.number in state.snapshots:  # whoever made it may have died before it was there
            keys.setdefault(state.coming.number, record_key(state.coming.record))
        for number in set(self.numbers()) - keys.keys():
            super().remove(number, link=True)
        lacking = sorted(keys.keys() - self.numbers())
        with ThreadPoolExecutor(self._bucket.place.workers) as pool:
            list(pool.map(self._bring, lacking, map(keys.__getitem__, lacking)))

    def _bring(self, number: int, key: str) -> None:
        where = f"{self._bucket.where}{key}"
        got = self._bucket.get(key)
        if got is None:
            raise RecordGoneError(f"{where}: no longer there", hint="run the command again")
        try:
            data = json.loads(got.body)
            document, signature = str(data["document"]).encode(), str(data["signature"]).encode()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StorageError(f"{where}: not what cudepot wrote", hint="restore it from a backup") from error
        super().restore(number, document, signature)


def _rendered(document: bytes, signature: bytes) -> bytes:
    return json.dumps({"document": document.decode(), "signature": signature.decode()}).encode() + b"\n"
