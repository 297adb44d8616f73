"""A snapshot of the store: the lock it was made from, and which one the site shows."""

from __future__ import annotations

from dataclasses import replace

import tomli

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.lock_document import parse_lock
from cudepot.catalog.site.snapshot import Head, Snapshot
from cudepot.depot.history import History
from cudepot.digest import Digest, MismatchError, VerifyingReader
from cudepot.errors import ConfigError, CudepotError, TrustError
from cudepot.ports import Site
from cudepot.store.local import LocalStore


def lock_of(store: LocalStore, snapshot: Snapshot | Head) -> Lock:
    """Return the lock a snapshot was made from.

    Raises:
        StorageError: the store has lost it.
        TrustError: it is damaged.
        ConfigError: it is malformed, or of another format.
    """
    what = f"snapshot {snapshot.number}: its cudepot.lock"
    try:
        with store.open(snapshot.lock) as handle:
            data = VerifyingReader(handle, snapshot.lock, what).readall()
    except MismatchError as error:
        raise TrustError(
            str(error), hint="`cudepot verify --repair` removes it; a bundle or a backup restores it"
        ) from error
    try:
        return parse_lock(tomli.loads(data.decode()))
    except ConfigError as error:
        raise ConfigError(f"{what}: {error}", hint=error.hint) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what} is not TOML: {error}", hint="it was signed like this") from error


def says_the_same(store: LocalStore, snapshot: Snapshot | Head, document: bytes, lock: Lock) -> bool:
    """Return whether a lock, and its ``document``, says what the lock of a snapshot does.

    Upstreams publish new roots daily, and no site shows any but those of whole mirrors: others make no difference.
    Nor does it how the same was asked for: a pin that was added beside one that has it brings nothing to publish.
    A lock that the store has lost, or that cannot be read, says something else.
    """
    if snapshot.lock == Digest.of(document):
        return True
    try:
        there = lock_of(store, snapshot)
    except CudepotError:
        return False
    return _without_roots(there) == _without_roots(lock)


def _without_roots(lock: Lock) -> Lock:
    def bare(one: LockedUpstream) -> LockedUpstream:
        plain = replace(one, request="")
        return plain if one.files else replace(plain, roots=(), metadata=())

    return replace(lock, upstreams=tuple(map(bare, lock.upstreams)))


def shown_snapshot(history: History, site: Site) -> Snapshot:
    """Return the snapshot the site shows; raise ConfigError when there is none."""
    shown = site.current()
    if shown is None or shown not in history.numbers():
        raise ConfigError("the site shows nothing yet", hint="run `cudepot publish` first")
    return history.load(shown)
