"""Who may publish to a bucket: one object, written on condition where the server knows conditions."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cudepot.errors import BusyError, SiteError
from cudepot.ports import FileTraits, Rank
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.refusals import LostRaceError

KEY = ".cudepot/lock.json"
LEASE = 900.0
"""Seconds after which the lock of a publisher that gives no sign of life may be taken over."""
TRAITS = FileTraits(Rank.INDEX, "application/json", "no-store")


@dataclass(frozen=True, slots=True)
class Held:
    """The lock as it lies in the bucket.

    Attributes:
        owner: which store publishes.
        nonce: which run.
        number: of the snapshot it publishes.
        torn: roots are being switched: until that is done, the site shows no one snapshot.
        etag, age: of the object.
    """

    owner: str
    nonce: str
    number: int
    torn: bool
    etag: str
    age: float


class PublishLock:
    """The right to publish to a bucket, held by at most one run.

    A server that honours conditional writes lets exactly one of several win. One that ignores them is found out by
    writing the lock twice; there the last writer counts, after a moment for slower ones, and every step looks again.

    Args:
        bucket: the bucket.
        owner: tells the id of the store that publishes: a lock left by a killed run of its own is taken over at once,
            because a store lets only one run in.
        settle: seconds to wait for other writers where conditions are ignored.
    """

    def __init__(self, bucket: Bucket, owner: Callable[[], str], settle: float = 1.0) -> None:
        self._bucket, self._owner, self._settle = bucket, owner, settle
        self._nonce = secrets.token_hex(8)
        self._etag, self._number = "", 0
        self.held = self.torn = False
        self.conditional = True

    @contextmanager
    def publishing(self, number: int) -> Iterator[None]:
        """Hold the lock for a block, and after it; let it go only when the block fails."""
        self.take(number)
        try:
            yield
        except BaseException:
            with suppress(SiteError):  # the server may have gone, which is what the block failed with
                self.release()
            raise

    def now(self) -> float:
        """Return the server's time, in seconds since 1970."""
        got = self._bucket.get(KEY)
        return got.now if got else 0.0

    def look(self) -> Held | None:
        """Return the lock that lies in the bucket; None when there is none."""
        got = self._bucket.get(KEY)
        if got is None:
            return None
        try:
            data: dict[str, Any] = json.loads(got.body)
            known = (str(data["owner"]), str(data["nonce"]), int(data["number"]), bool(data["torn"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            known = ("", "", 0, True)  # not ours to judge: its age decides
        return Held(*known, got.etag, got.age)

    def take(self, number: int) -> None:
        """Become the publisher; raise BusyError when somebody else is."""
        if self.held:
            self.renew(torn=self.torn)
            return
        found = self.look()
        if found and found.owner != self._owner() and found.age < LEASE:
            raise self._busy(found)
        self._number, self.torn = number, bool(found and found.torn)
        self._etag = self._put(absent=not found, etag=found.etag if found else "")
        self.conditional = self._refused_twice()
        if not self.conditional:
            time.sleep(self._settle)
            self._check_mine()
        self.held = True

    def renew(self, *, torn: bool) -> None:
        """Say that this run lives, and whether roots are being switched; raise BusyError when the lock was lost."""
        if not self.conditional:
            self._check_mine()
        self.torn = torn
        self._etag = self._put(etag=self._etag)

    def release(self) -> None:
        """Let others publish, unless the site is torn: then whoever comes next has to switch first."""
        if self.held and not self.torn:
            found = self.look()
            if found and found.nonce == self._nonce:
                self._bucket.delete(KEY)
        self.held = False

    def _put(self, *, absent: bool = False, etag: str = "") -> str:
        body = self._body()
        try:
            return self._bucket.put(KEY, body, TRAITS, hashlib.sha256(body).hexdigest(), absent=absent, etag=etag)
        except LostRaceError as error:
            found = self.look()
            if found and (found.nonce, found.torn) == (self._nonce, self.torn):
                return found.etag  # the answer to our own write was lost, and boto3 tried again
            self.held = False
            raise self._busy(found) from error

    def _body(self) -> bytes:
        said = {"owner": self._owner(), "nonce": self._nonce, "number": self._number, "torn": self.torn}
        return json.dumps(said, sort_keys=True).encode()

    def _refused_twice(self) -> bool:
        """Write the very same lock on condition that there is none: a server that honours that refuses."""
        body = self._body()
        try:
            self._bucket.put(KEY, body, TRAITS, hashlib.sha256(body).hexdigest(), absent=True)
        except LostRaceError:
            return True
        return False

    def _check_mine(self) -> None:
        found = self.look()
        if found is None or found.nonce != self._nonce:
            self.held = False
            raise self._busy(found)

    def _busy(self, found: Held | None) -> BusyError:
        who = f"store {found.owner or 'unknown'}, snapshot {found.number}, seen {found.age:.0f} s ago" if found else "?"
        return BusyError(
            f"{self._bucket.where}: another publisher is at work there ({who})",
            hint=f"let it finish, then run the command again; the lock of a dead one expires after {LEASE:.0f} s",
        )
