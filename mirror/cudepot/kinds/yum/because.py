"""Why an upstream has a version of an rpm: the advisories that it was announced with, out of updateinfo.xml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.lock import Artifact, Lock
from cudepot.errors import CudepotError
from cudepot.formats.updateinfo import advisories_of
from cudepot.kinds.kind import Because
from cudepot.kinds.yum.chain import whole
from cudepot.store.local import LocalStore

_KIND = "updateinfo"


def because(store: LocalStore, lock: Lock, artifacts: Sequence[Artifact]) -> Mapping[Artifact, Because]:
    """Return the advisories of packages, of those that have some; one that cannot be read tells nothing."""
    found: dict[Artifact, Because] = {}
    for name in dict.fromkeys(one.upstream for one in artifacts):
        mine = [one for one in artifacts if one.upstream == name]
        for one, told in zip(mine, _advisories(store, lock, name, mine), strict=True):
            if told:
                found[one] = Because("", told)
    return found


def _advisories(store: LocalStore, lock: Lock, name: str, rpms: Sequence[Artifact]) -> list[tuple[str, ...]]:
    """Return for each package its advisories, ``ID (SEVERITY)`` where one is told."""
    locked = lock.upstream(name)
    files = [one for one in locked.metadata if one.role == _KIND and store.has(one.digest)] if locked else []
    wanted = {(one.name, one.version, one.architecture) for one in rpms}
    told: list[dict[str, None]] = [{} for _ in rpms]
    for file in files:
        try:
            known = advisories_of(whole(store, file.digest, file.path), wanted, file.path)
        except CudepotError:
            continue
        for one, names in zip(rpms, told, strict=True):
            names.update((each.label, None) for each in known.get((one.name, one.version, one.architecture), ()))
    return [tuple(one) for one in told]
