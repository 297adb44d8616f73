"""What was built of an sdist here, whatever became of the lock that wanted it: a build may have taken an hour."""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.store.layout import SDISTS
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


def built_before(store: LocalStore, sdist: Digest, upstream: str, path: str) -> list[tuple[Artifact, ...]]:
    """Return the wheels that were built of an sdist, each followed by what it was built with.

    Args:
        store: the store.
        sdist: the source.
        upstream, path: where it is now; what came from elsewhere is not meant.
    """
    found = []
    for document in _file(store, sdist).recall().get("built", ()):
        try:
            made = parse_lock(document).artifacts
        except (CudepotError, TypeError, AttributeError):
            continue  # of a newer cudepot
        if made and made[0].built and (made[0].upstream, made[0].path) == (upstream, path):
            found.append(made)
    return found


def note_built(store: LocalStore, sdist: Digest, every: Sequence[Sequence[Artifact]]) -> None:
    """Remember all that was built of an sdist; raise StorageError where the disk refuses."""
    _file(store, sdist).write({"built": [render_lock(Lock(artifacts=tuple(made))) for made in every]})


def _file(store: LocalStore, sdist: Digest) -> SealedFile:
    return SealedFile(store.at(SDISTS) / f"{sdist.sha256}.json", sort_keys=False)
