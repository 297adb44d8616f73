"""Bytes that changed under an unchanged name and version: an alarm, never an update.

NVIDIA has re-signed and replaced packages in place. Whoever locked the old bytes is told, and decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.faults import CHANGED, Fault
from cudepot.catalog.lock import Artifact
from cudepot.errors import TrustError


class ChangedError(TrustError):
    """An upstream now has other bytes under a name and version that are locked."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


def checked(
    before: Sequence[Artifact], now: Sequence[Artifact], accepted: Sequence[str], where: str
) -> tuple[Artifact, ...]:
    """Return the artifacts of now, those that were accepted with other bytes marked with the hash they replace.

    Args:
        before: what the lock has of the upstream.
        now: what the upstream offers.
        accepted: package names whose bytes may have changed.
        where: URL or folder of the upstream.

    Raises:
        ChangedError: other bytes, and nobody accepted them.
    """
    known = {_key(one): one for one in before}
    changed = [(old, one) for one in now if (old := known.get(_key(one))) and old.digest.sha256 != one.digest.sha256]
    refused = [(old, one) for old, one in changed if one.name not in accepted and one.filename not in accepted]
    if refused:
        raise _alarm(refused, where)
    return tuple(_marked(known.get(_key(one)), one) for one in now)


def _key(one: Artifact) -> tuple[str, ...]:
    """Return what must not change its bytes: for a deb or rpm its version; else one version may have several files."""
    return (one.kind, one.name, one.version, one.architecture, "" if one.kind in ("deb", "rpm") else one.filename)


def _marked(old: Artifact | None, one: Artifact) -> Artifact:
    if old is None:
        return one
    replaces = old.replaces if old.digest.sha256 == one.digest.sha256 else old.digest.sha256
    return replace(one, replaces=replaces)


def _alarm(refused: Sequence[tuple[Artifact, Artifact]], where: str) -> ChangedError:
    old, one = refused[0]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    evidence: dict[str, str | int] = {
        "promised_size": old.digest.size,
        "promised_sha256": old.digest.sha256,
        "served_size": one.digest.size,
        "served_sha256": one.digest.sha256,
    }
    url = f"{where}{one.path}" if where.endswith("/") else f"{where}/{one.path}"
    return ChangedError(
        f"{one.name} {one.version} {one.architecture}: locked with sha256 {old.digest.sha256} "
        f"({old.digest.size} bytes), now offered with {one.digest.sha256} ({one.digest.size} bytes){more}",
        hint=f"the locked bytes stay; find out why, then `cudepot lock --accept-changed {one.name}` takes the new ones",
        fault=Fault(CHANGED, url, evidence),
    )
