"""Bytes that changed under an unchanged name and version: an alarm, never an update.

NVIDIA has re-signed and replaced packages in place. Whoever locked the old bytes is told, and decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cudepot.catalog.ecosystems import YUM, row_for, signed_suffixes
from cudepot.catalog.faults import CHANGED, Fault
from cudepot.catalog.lock import Artifact, Replaced
from cudepot.digest import Digest
from cudepot.errors import TrustError


class ChangedError(TrustError):
    """An upstream now has other bytes under a name and version that are locked."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


def same_bytes_or_accepted(
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
        old, one = refused[0]
        what = f"{one.name} {one.version} {one.architecture}"
        place = f"{where}{one.path}" if where.endswith("/") else f"{where}/{one.path}"
        raise _alarm(what, one.name, old.digest, one.digest, len(refused), place)
    return tuple(_marked(known.get(_key(one)), one) for one in now)


def replaced(
    before: Mapping[str, Digest],
    now: Mapping[str, Digest],
    kept: Sequence[Replaced],
    accepted: Sequence[str],
    where: str,
) -> tuple[Replaced, ...]:
    """Return the packages of a whole mirror whose other bytes are accepted, now or earlier.

    Args:
        before: path → digest as locked.
        now: path → digest as offered.
        kept: what was accepted earlier.
        accepted: paths, file names or package names whose bytes may have changed.
        where: URL of the upstream.

    Raises:
        ChangedError: other bytes, and nobody accepted them.
    """
    packages = signed_suffixes()
    changed = [path for path, old in before.items() if path.endswith(packages) and now.get(path, old) != old]
    refused = [path for path in changed if not {path, *_names(path)} & set(accepted)]
    if refused:
        first = refused[0]
        raise _alarm(first, _names(first)[1], before[first], now[first], len(refused), where + first)
    fresh = [Replaced(path, before[path].sha256, now[path].sha256) for path in changed]
    lasting = [replace(one, now=now[one.path].sha256) for one in kept if one.path in now]
    return tuple(dict.fromkeys(one for one in (*lasting, *fresh) if one.before != one.now))


def _names(path: str) -> tuple[str, str]:
    """Return the file's name, and the package's."""
    name = path.rpartition("/")[2]
    return name, name.rsplit("-", 2)[0] if name.endswith(YUM.suffixes) else name.partition("_")[0]


def _key(one: Artifact) -> tuple[str, ...]:
    """Return what must not change its bytes: for a deb or rpm its version; else one version may have several files."""
    return (one.kind, one.name, one.version, one.architecture, "" if row_for(one.kind).signed else one.filename)


def _marked(old: Artifact | None, one: Artifact) -> Artifact:
    if old is None:
        return one
    replaces = old.replaces if old.digest.sha256 == one.digest.sha256 else old.digest.sha256
    return replace(one, replaces=replaces)


def _alarm(what: str, name: str, old: Digest, now: Digest, count: int, url: str) -> ChangedError:
    more = f" (and {count - 1} more)" if count > 1 else ""
    evidence: dict[str, str | int] = {
        "promised_size": old.size,
        "promised_sha256": old.sha256,
        "served_size": now.size,
        "served_sha256": now.sha256,
    }
    return ChangedError(
        f"{what}: locked with sha256 {old.sha256} ({old.size} bytes), now offered with {now.sha256} "
        f"({now.size} bytes){more}",
        hint="the locked file is kept; find out why, then accept the new one with `cudepot lock "
        f"--accept-changed {name}`",
        fault=Fault(CHANGED, url, evidence),
    )
