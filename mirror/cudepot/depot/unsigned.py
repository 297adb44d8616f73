"""Which upstreams nobody has signed: believed by a hash in the lock, and marked as such in every report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.depot.depot import Depot
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.site.snapshot import Snapshot


_RPMS = "the signatures of its rpms are not checked: name the keys in `rpm-keys`, and their files in `keyrings`"


def unsigned(depot: Depot, lock: Lock) -> tuple[str, ...]:
    """Return a line for each yum upstream of a lock whose root bears no signature that was checked, and for rpms."""
    return tuple(text for one in lock.upstreams if (text := unsigned_note(depot, lock, one)))


def unsigned_shown(depot: Depot, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the same for what a snapshot shows; it says itself who signed what."""
    tables = [one for one in snapshot.upstreams if one.get("type") == "yum"]
    nobody = [one for one in tables if not any(root.get("signers") for root in one.get("root", ()))]
    return tuple(_note(depot, str(one.get("name", ""))) for one in nobody)


def unsigned_note(depot: Depot, lock: Lock, upstream: LockedUpstream) -> str:
    """Return the line for one upstream; empty where its root, or of a folder its rpms, are held to keys."""
    if upstream.type == "folder":
        bare = lock.has_rpms(upstream) and not depot.config.upstream(upstream.name).rpm_keys
        return f"{upstream.name}: {_RPMS}" if bare else ""
    signed = upstream.type != "yum" or any(root.signers for root in upstream.roots)
    return "" if signed else _note(depot, upstream.name)


def _note(depot: Depot, name: str) -> str:
    try:
        keys = depot.config.upstream(name).rpm_keys
    except ConfigError:
        keys = ()
    packages = "" if keys else "; its packages are not checked either"
    return f"{name}: signed by nobody: believed by its hash in cudepot.lock (trust = hash-lock){packages}"
