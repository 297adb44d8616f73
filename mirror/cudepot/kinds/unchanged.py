"""Whether what is locked of a signed repository still holds, before anything of its format is loaded."""

from __future__ import annotations

from cudepot.catalog.lock import LockedUpstream, Resolved
from cudepot.depot.upstream_session import Asked
from cudepot.kinds.kind import Asking


def session(asking: Asking) -> Asked:
    """Open the upstream that is to be locked."""
    return Asked.of(asking.depot, asking.upstream, asking.findings)


def unchanged(asking: Asking, asked: Asked, alone: str) -> Resolved | None:
    """Return what is locked where the signed roots are the same; ``alone`` names a root that tells by itself."""
    before = asking.before
    return before if before and not asking.findings.again and asked.answers(before[0], alone) else None


def locked_dates(locked: LockedUpstream | None) -> dict[str, str]:
    """Return the dates of the roots that are locked: nothing older is looked at."""
    return {one.path: one.date for one in locked.roots} if locked else {}
