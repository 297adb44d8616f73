"""Which upstreams nobody has signed: believed by a hash in the lock, and marked as such in every report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.kinds.registry import ROWS, kind_of

if TYPE_CHECKING:
    from cudepot.catalog.site.snapshot import Snapshot


def unsigned(config: Config, lock: Lock) -> tuple[str, ...]:
    """Return a line for each upstream of a lock of which something bears no signature that was checked."""
    return tuple(text for one in lock.upstreams if (text := unsigned_note(config, lock, one)))


def unsigned_shown(config: Config, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the same for what a snapshot shows, of kinds that are known here; it says itself who signed what."""
    return unsigned(config, Lock(tuple(one for one in snapshot.upstreams if one.type in ROWS)))


def unsigned_note(config: Config, lock: Lock, upstream: LockedUpstream) -> str:
    """Return the line for one upstream; empty where all is signed that its kind promises."""
    return kind_of(upstream).locks.unsigned(config, lock, upstream)
