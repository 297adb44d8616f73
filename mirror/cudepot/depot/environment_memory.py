"""What was read when an environment was resolved: while that is unchanged, nothing is resolved again.

Losing it costs reading the pages of what is locked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from cudepot.catalog.lock import Artifact, LockedEnvironment
from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError
from cudepot.store.layout import ENVIRONMENTS
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile

Read = Mapping[tuple[str, str], Digest]
"""Upstream and path of a page → what it was."""


def remembered(store: LocalStore, environment: LockedEnvironment, artifacts: Iterable[Artifact]) -> Read | None:
    """Return what was read when the environment became what it is; None where that is not known."""
    document = _file(store, environment.name).recall()
    try:
        kept = document[environment.kind]
        if kept["is"] != _identity(environment, artifacts):
            return None
        return {(name, path): Digest(sha256, size) for name, path, sha256, size in kept["read"]}
    except (FormatError, KeyError, TypeError, ValueError):
        return None


def remember(store: LocalStore, environment: LockedEnvironment, artifacts: Iterable[Artifact], read: Read) -> None:
    """Remember what was read for an environment as it is now."""
    file = _file(store, environment.name)
    pages = [[name, path, digest.sha256, digest.size] for (name, path), digest in sorted(read.items())]
    others = {key: value for key, value in file.recall().items() if isinstance(value, dict)}
    file.write(others | {environment.kind: {"is": _identity(environment, artifacts), "read": pages}})


def _file(store: LocalStore, name: str) -> SealedFile:
    return SealedFile(store.at(ENVIRONMENTS) / f"{name}.json", indent=None)


def _identity(environment: LockedEnvironment, artifacts: Iterable[Artifact]) -> str:
    """Return a hash over an environment and its files."""
    places = environment.places
    named = ((one.upstream, one.filename, one.digest.sha256) for one in artifacts)
    files = sorted(one for one in named if one[:2] in places)
    return hexdigest(json.dumps([environment, files]).encode())
