"""A site as an S3 bucket: files under their public names, roots switched last (``docs/adr/0020-s3-layout.md``)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Protocol

from cudepot.catalog.site_tops import SHOWN
from cudepot.digest import Digest
from cudepot.errors import BusyError, MissingError, SiteError, StorageError
from cudepot.ports import Needs, ObjectStore, Progress, Rank
from cudepot.sites.s3 import inventory as s3_inventory
from cudepot.sites.s3.inventory import Inventory
from cudepot.sites.s3.public import unreadable
from cudepot.sites.s3.publish_lock import PublishLock
from cudepot.sites.s3.snapshot import Names, Written, key_of, load, rendered
from cudepot.transport.s3.bucket import MOST_COPIED, Bucket
from cudepot.transport.s3.send import Origin, Sender

CHECKPOINT = 10.0
"""Seconds of sending after which the record is written: what a killed run may have to send twice."""
_OWN, _DOCUMENT = (".cudepot/", SHOWN), "snapshot.json"
"""Keys that are part of no snapshot begin with these; every snapshot has its document."""


class Family(Protocol):
    """Opens the channels of a site."""

    def __call__(self, name: str) -> S3Site:
        """Return the site that a channel is."""

    def top(self) -> S3Site:
        """Return the prefix that all channels are below."""


class S3Site:
    """The objects of a bucket; see :class:`cudepot.ports.Inspectable`.

    Args:
        bucket: the bucket.
        store: where the objects come from.
        owner: tells the id of the store, so that a lock left by a killed run is known as its own.
        names: how site paths become keys.
        progress: told of bytes sent, and of what clients will stumble over.
        settle: see :class:`~cudepot.sites.s3.publish_lock.PublishLock`.
        origin: see :class:`~cudepot.transport.s3.send.Sender`.
        channels: opens the channels of the site; None where it has none.
    """

    def __init__(
        self,
        bucket: Bucket,
        store: ObjectStore,
        owner: Callable[[], str],
        names: Names,
        progress: Progress,
        settle: float = 1.0,
        origin: Origin = lambda _: None,
        channels: Family | None = None,
    ) -> None:
        self._bucket, self._names, self._progress = bucket, names, progress
        self._sender = Sender(bucket, store, names.traits, origin=origin)
        self._lock = PublishLock(bucket, owner, settle)
        self._record: Inventory | None = None
        self._snapshots: dict[int, Written | None] = {}
        self._shown: tuple[int, bytes] = (0, b"")
        self._channels, self._lasting = channels, dict[Digest, str]()

    linked = None

    def channel(self, name: str) -> S3Site:
        """Return the site as a channel shows it: what is below its prefix."""
        return self._channels(name) if self._channels else self

    def lasting(self, digest: Digest) -> tuple[str, str] | None:
        """Return bucket and whole key of an object with these bytes that is never overwritten; None where none is."""
        if not self._lasting:
            found = self._inventory().objects.items()
            self._lasting = {one: key for key, one in found if self._names.traits(key).rank <= Rank.HASHED}
        key = self._lasting.get(digest)
        return (self._bucket.place.bucket, self._bucket.place.prefix + key) if key else None

    @property
    def readers(self) -> int:
        """As many files are read at a time as are sent."""
        return self._bucket.place.workers

    @property
    def where(self) -> str:
        """The bucket and prefix."""
        return self._bucket.where

    def current(self) -> int | None:
        """Return the number of the snapshot shown; None when there is none or a switch was cut short."""
        got, held = self._bucket.get(_DOCUMENT), self._lock.look()
        number = _number(got.body) if got else 0
        if not got or not number or (held and held.torn):
            return None
        self._shown = (number, got.body)
        return number

    def newest(self) -> int:
        """Return the highest number a snapshot was ever written under here; 0 when there is none."""
        return self._inventory().newest

    def document(self, number: int) -> bytes:
        """Return the document of a snapshot that was written; empty when there is none."""
        if self._shown[0] == number:
            return self._shown[1]
        found = self._written(number)
        return found.extra.get(_DOCUMENT, b"") if found else b""

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Send what is named after its content or never changes; nothing that a root shown now names is touched.

        Raises:
            BusyError: another publisher is at work, or published under this number.
            SiteError: the server refuses.
        """
        with self._lock.publishing(number):
            record = self._inventory(fresh=True)
            before = self._written(number) if number in record.snapshots else None
            if before and before.extra.get(_DOCUMENT) != extra[_DOCUMENT]:
                hint = "run the command again: it takes the next number"
                raise BusyError(f"{self.where}: snapshot {number} was published by somebody else", hint=hint)
            written = Written(dict(tree), dict(extra))
            self._send(record, written, lasting=True)
            self._put(key_of(number), rendered(written))
            self._snapshots.clear()
            record.snapshots = sorted({*record.snapshots, number})
            record.newest = max(record.newest, number)
            s3_inventory.save(self._bucket, record)

    def switch(self, number: int) -> None:
        """Overwrite indexes, then roots, then the snapshot's document; a root always has all its files.

        Raises:
            StorageError: the snapshot was not written, or not completely.
            BusyError: another publisher took over.
        """
        with self._lock.publishing(number):
            record = self._inventory()
            written = self._written(number)
            if written is None or number not in record.snapshots:
                raise StorageError(f"{self.where}: no such snapshot: {number}", hint="run `cudepot publish`")
            if gap := next(self._missing(record, written, lasting=True), ""):
                raise StorageError(f"{self.where}{gap}: not there as snapshot {number} has it", hint="publish it again")
            self._lock.renew(torn=True)
            self._send(record, written, lasting=False)
            for name in sorted(written.extra, reverse=True):  # the document after its signature
                self._put(name, written.extra[name])
            record.shown, self._shown = number, (0, b"")
            s3_inventory.save(self._bucket, record)
            self._lock.renew(torn=False)
        self._lock.release()
        for said in (unreadable(self._bucket.place, _DOCUMENT), self._names.withheld(written)):
            if said:
                self._progress.say(said)

    def room(self, number: int, tree: Mapping[str, Digest]) -> tuple[str, int]:  # noqa: ARG002
        """Return nothing: a bucket is on no disk of this machine."""
        return "", 0

    def mend(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Send a snapshot again whose files were changed in the bucket: what differs, as reading it shows."""
        with self._lock.publishing(number):
            record = self._inventory(fresh=True)
            for key, digest in self._names.keys(Written(tree, extra)).items():
                if key in record.objects and not self._holds(key, digest):
                    del record.objects[key]
            s3_inventory.save(self._bucket, record)
        self.write(number, tree, extra)
        self.switch(number)

    def _holds(self, key: str, digest: Digest) -> bool:
        try:
            with self._bucket.open(key) as handle:
                return Digest.of_stream(handle) == digest
        except MissingError:
            return False

    def prune(self, keep: int) -> list[int]:
        """Forget old snapshots, and remove what no kept one has named for the grace period."""
        record = self._inventory()
        gone = [one for one in record.snapshots[:-keep] if one != record.shown]
        if not gone and not record.unnamed and not record.doomed:
            return []
        with self._lock.publishing(record.newest):
            record.snapshots = [one for one in record.snapshots if one not in gone]
            kept = [found for one in record.snapshots if (found := self._written(one))]
            named = {key for one in kept for key in self._names.keys(one)}
            doomed = record.retire(named, self._lock.now(), self._bucket.place.grace)
            s3_inventory.save(self._bucket, record)
            with ThreadPoolExecutor(self._bucket.place.workers) as pool:
                list(pool.map(self._bucket.delete, [*map(key_of, gone), *doomed]))
            if doomed:
                record.doomed = []
                s3_inventory.save(self._bucket, record)
        self._lock.release()
        return gone

    def needs(self) -> Needs:
        """Return nothing: its files are its own."""
        return Needs()

    def announce(self, files: Mapping[str, bytes]) -> None:
        """Put small files beside the channels, or next to what is shown; none that is there already."""
        top = self._channels.top() if self._channels else self
        for path, data in files.items():
            if top.announced(path) != data:
                top._put(path, data)

    def announced(self, path: str) -> bytes:
        """Return such a file; empty where there is none."""
        got = (self._channels.top() if self._channels else self)._bucket.get(path)
        return got.body if got else b""

    def files(self, number: int) -> Iterator[str]:
        """Give the snapshot's files that are there, and what no snapshot put there."""
        written, record = self._written(number) or Written({}, {}), self._inventory(fresh=True)
        own = written.tree.keys() | written.extra.keys()
        known = self._names.keys(written).keys() | record.objects.keys() | set(record.doomed)
        for key in self._bucket.listing():
            if key in own or not (key in known or key.startswith(_OWN)):
                yield key

    def open(self, number: int, path: str) -> BinaryIO:
        """Open a file of a snapshot; raise MissingError when it is not there as that snapshot has it."""
        written, record = self._written(number) or Written({}, {}), self._inventory()
        there = path in written.tree and record.objects.get(path) == written.tree[path]
        if there or (path in written.extra and record.shown == number):
            return self._bucket.open(path)
        raise MissingError(f"{self.where}{path}: not there as snapshot {number} has it", hint="publish it again")

    # what is below

    def _missing(self, record: Inventory, written: Written, *, lasting: bool) -> Iterator[str]:
        """Give the keys whose content is not certainly there: those that last, or those overwritten in place."""
        for key, digest in self._names.keys(written).items():
            if (self._names.traits(key).rank <= Rank.HASHED) == lasting and record.objects.get(key) != digest:
                yield key

    def _send(self, record: Inventory, written: Written, *, lasting: bool) -> None:
        """Send what is not there yet in the order of its ranks, the record being true at every moment."""
        keys = self._names.keys(written)
        missing = {key: keys[key] for key in self._missing(record, written, lasting=lasting)}
        if not missing:
            return
        record.doomed = [key for key in record.doomed if key not in missing]
        if [key for key in missing if record.objects.pop(key, None)]:
            s3_inventory.save(self._bucket, record)
        self._progress.begin(f"sending {len(missing)} files", sum(one.size for one in missing.values()), len(missing))
        try:
            self._send_ranks(record, missing)
        except BaseException:
            self._save_what_arrived(record)
            raise
        finally:
            self._progress.end()

    def _send_ranks(self, record: Inventory, missing: Mapping[str, Digest]) -> None:
        """Send each content once: under its other names it is copied on the server."""
        note = self._noting(record)
        for rank in Rank:
            of_rank = {key: one for key, one in missing.items() if self._names.traits(key).rank is rank}
            copied = _copied(of_rank, record.objects)
            self._sender.send({key: one for key, one in of_rank.items() if key not in copied}, note, record.uploads)
            wanted = set(copied.values())
            there = {one: key for key, one in record.objects.items() if one in wanted}
            copies = {key: there[one] for key, one in copied.items()}
            self._sender.send(copied, note, record.uploads, copies)

    def _noting(self, record: Inventory) -> Any:
        saved = time.monotonic()

        def note(key: str, digest: Digest) -> None:
            nonlocal saved
            record.objects[key] = digest
            self._progress.advance(digest.size, 1)
            if time.monotonic() - saved > CHECKPOINT:
                self._lock.renew(torn=self._lock.torn)
                s3_inventory.save(self._bucket, record)
                saved = time.monotonic()

        return note

    def _save_what_arrived(self, record: Inventory) -> None:
        """Keep the record of a run that failed; a server that has gone is told of by the error that led here."""
        try:
            if self._lock.held:
                s3_inventory.save(self._bucket, record)
        except SiteError:
            self._record = None

    def _inventory(self, *, fresh: bool = False) -> Inventory:
        if self._record is None or fresh:
            self._record = s3_inventory.load(self._bucket)
        return self._record

    def _written(self, number: int) -> Written | None:
        if number not in self._snapshots:
            self._snapshots[number] = load(self._bucket, number)
        return self._snapshots[number]

    def _put(self, key: str, body: bytes) -> None:
        self._bucket.put(key, body, self._names.traits(key), hashlib.sha256(body).hexdigest())


def _copied(wanted: Mapping[str, Digest], there: Mapping[str, Digest]) -> dict[str, Digest]:
    """Return what of ``wanted`` need not be sent: its content is there, or is sent under another of the names."""
    known = set(there.values())
    copied: dict[str, Digest] = {}
    for key, one in wanted.items():
        if one in known and one.size <= MOST_COPIED:
            copied[key] = one
        known.add(one)
    return copied


def _number(document: bytes) -> int:
    """Return the number a snapshot's document says; 0 when it is none."""
    try:
        number = json.loads(document)["number"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return number if isinstance(number, int) and number > 0 else 0
