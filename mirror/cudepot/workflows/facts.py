"""What monitors see of a project: its status, and what takes longer to find out. One value for all who watch."""

from __future__ import annotations

import contextlib
import datetime
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.key_files import keys_in_files
from cudepot.depot.snapshots import lock_of
from cudepot.errors import CudepotError
from cudepot.kinds.site_roots import every_root
from cudepot.openpgp import KeyPart, PublicKey
from cudepot.signing.keys import parse_keys
from cudepot.store.local import LocalStore
from cudepot.workflows.status import Status, status

SITE = "site"
"""Owner of the site's own key."""


class KeyEnd(NamedTuple):
    """A key that has to be there tomorrow.

    Attributes:
        owner: the upstream it is pinned for, or :data:`SITE`.
        fingerprint: its full fingerprint.
        expires: the day from which it signs no more (UTC); None for never.
    """

    owner: str
    fingerprint: str
    expires: datetime.date | None


class Shown(NamedTuple):
    """The snapshot that the site shows.

    Attributes:
        created: when it was made (UTC).
        files, bytes: the whole tree, each content once.
        proved: environment → how many of its targets are shown.
        until: path of each root that expires → when.
    """

    created: str
    files: int
    bytes: int
    proved: Mapping[str, int]
    until: Mapping[str, datetime.datetime]


class Facts(NamedTuple):
    """What monitors see.

    Attributes:
        status: what `cudepot status` says.
        keys: pinned keys and the site's own.
        shown: of the snapshot that is shown; None where none is, or it cannot be read.
        objects, bytes: of the store.
        free: bytes that are free on its disk.
    """

    status: Status
    keys: tuple[KeyEnd, ...]
    shown: Shown | None
    objects: int
    bytes: int
    free: int

    def as_json(self) -> dict[str, Any]:
        """Return all but the status as a JSON object."""
        keys = [{**one._asdict(), "expires": str(one.expires or "")} for one in self.keys]
        shown = self.shown
        until = {path: f"{when:%Y-%m-%dT%H:%M:%SZ}" for path, when in shown.until.items()} if shown else {}
        told = {**shown._asdict(), "proved": dict(shown.proved), "until": until} if shown else None
        return {
            "keys": keys,
            "snapshot": told,
            "store": {"objects": self.objects, "bytes": self.bytes, "free": self.free},
        }


def facts(depot: Depot) -> Facts:
    """Return what monitors see; what is damaged is left out, because `verify` and `status` tell of it."""
    found = status(depot)
    depot.progress.step("looking at keys, roots and the store")
    counted = depot.store.counted()
    keys = (*_site_key(depot), *_pinned(depot))
    return Facts(found, keys, _shown(depot, found), *counted, shutil.disk_usage(depot.store.root).free)


def _site_key(depot: Depot) -> Iterator[KeyEnd]:
    if depot.config.site.key:
        with contextlib.suppress(CudepotError):
            yield from (_end(SITE, one) for one in parse_keys(depot.signer().public_key(armor=False)))


def _pinned(depot: Depot) -> Iterator[KeyEnd]:
    """Give the keys that are pinned for an upstream and are in its files."""
    for upstream in depot.config.upstreams:
        pinned = {*upstream.keys, *upstream.package_keys}
        with contextlib.suppress(CudepotError):
            for key in keys_in_files(depot.base, upstream) if pinned else ():
                if any(part.fingerprint in pinned for part in key.parts):
                    yield _end(upstream.name, key)


def _end(owner: str, key: PublicKey) -> KeyEnd:
    """Return when the last part of a key that signs expires, or the whole key before that."""
    signing = [_day(one) for one in key.parts if one.signs and not one.revoked] or [_day(key.parts[0])]
    last = None if None in signing else max(one for one in signing if one)
    ends = [one for one in (_day(key.parts[0]), last) if one]
    return KeyEnd(owner, key.fingerprint, min(ends, default=None))


def _day(part: KeyPart) -> datetime.date | None:
    return datetime.date.fromisoformat(part.expires) if part.expires else None


def _shown(depot: Depot, found: Status) -> Shown | None:
    number = found.shown
    if number is None or number not in found.snapshots:
        return None
    with contextlib.suppress(CudepotError):
        snapshot = parse_snapshot(depot.store.snapshots.read(number)[0], f"snapshot {number}")
        every = set(snapshot.tree.values())
        until = dict(_until(depot.store, snapshot))
        return Shown(
            snapshot.created, len(snapshot.tree), sum(one.size for one in every), _proved(depot, snapshot), until
        )
    return None


def _proved(depot: Depot, snapshot: Snapshot) -> dict[str, int]:
    found: dict[str, int] = {}
    with contextlib.suppress(CudepotError):
        for one in lock_of(depot.store, snapshot).environments:
            found[one.name] = found.get(one.name, 0) + len(one.targets)
    return found


def _until(store: LocalStore, snapshot: Snapshot) -> Iterator[tuple[str, datetime.datetime]]:
    for root in every_root(snapshot):
        with contextlib.suppress(CudepotError):
            if when := root.shows.valid_until(store, snapshot.tree, root.path):
                yield root.path, when
