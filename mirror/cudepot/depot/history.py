"""The store's snapshots as values: read, their signature by the site key checked, parsed."""

from __future__ import annotations

from types import MappingProxyType

from cudepot.catalog.site.snapshot import Snapshot, Tree, parse_snapshot
from cudepot.errors import ClockError, TrustError
from cudepot.ports import Verifier
from cudepot.store.snapshots import Snapshots


def load_snapshot(snapshots: Snapshots, number: int, verifier: Verifier, like: Tree = MappingProxyType({})) -> Snapshot:
    """Return a snapshot whose signature by the site key holds; for ``like`` see :func:`parse_snapshot`.

    Raises:
        TrustError: it was changed or signed by another key.
    """
    document, signature = snapshots.read(number)
    what = str(snapshots.path(number))
    try:
        verifier.detached(document, signature, what)
    except ClockError:
        raise
    except TrustError as error:
        raise TrustError(
            str(error), hint="someone changed it, or the site's key was: name the old one in `site.former-keys`"
        ) from error
    snapshot = parse_snapshot(document, what, like)
    if snapshot.number != number:
        raise TrustError(f"{what}: is snapshot {snapshot.number}, not {number}", hint="someone renamed the file")
    return snapshot


def latest_snapshots(snapshots: Snapshots, verifier: Verifier, count: int) -> list[Snapshot]:
    """Return up to ``count`` snapshots, the newest first."""
    found: list[Snapshot] = []
    for number in reversed(snapshots.numbers()[-count:]):
        found.append(load_snapshot(snapshots, number, verifier, found[-1].tree if found else MappingProxyType({})))
    return found
