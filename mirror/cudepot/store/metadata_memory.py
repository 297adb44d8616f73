"""METADATA of packages that were read without the packages: objects, and one document that says whose they are.

It is kept by upstream: what one says of a package counts for no other, since such bytes prove nothing until the
package itself is here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError
from cudepot.store.layout import METADATA
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile

_MOST = 20_000  # packages remembered; those that were asked for longest ago go first


class MetadataMemory:
    """What was read of packages, by upstream and sha256; an unreadable memory counts as empty. Threads may share it.

    Args:
        store: where it is kept.
    """

    def __init__(self, store: LocalStore) -> None:
        self._store, self._file = store, SealedFile(store.at(METADATA), sort_keys=False)
        self._known = dict(_entries(self._file))
        self._fresh: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def find(self, upstream: str, sha256: str) -> bytes | None:
        """Return the METADATA of a package; None where it was never read, or is here no more."""
        key = f"{upstream} {sha256}"
        with self._lock:
            if key in self._fresh:
                return self._fresh[key]
            digest = self._known.pop(key, None)
            if digest is None:
                return None
            self._known[key] = digest
        try:
            return self._store.find(digest)
        except CudepotError:  # damaged: read again
            return None

    def note(self, upstream: str, sha256: str, body: bytes) -> None:
        """Remember the METADATA of a package; :meth:`save` keeps it."""
        with self._lock:
            self._fresh[f"{upstream} {sha256}"] = body

    def save(self) -> None:
        """Keep what was noted, all of it made durable at once; raise StorageError where the disk refuses."""
        with self._lock:
            if not self._fresh:
                return
            with self._store.gathering():
                for key, body in self._fresh.items():
                    self._known.pop(key, None)
                    self._known[key] = self._store.add_bytes(body)
            self._fresh.clear()
            kept = list(self._known.items())[-_MOST:]
        self._file.write({key: [digest.sha256, digest.size] for key, digest in kept})


def remembered_metadata(store_root: Path) -> Iterator[Digest]:
    """Give the objects that hold METADATA."""
    for _, digest in _entries(SealedFile(METADATA.at(store_root))):
        yield digest


def _entries(file: SealedFile) -> Iterator[tuple[str, Digest]]:
    for key, value in file.recall().items():
        try:
            sha256, size = value
            yield key, Digest(sha256, size)
        except (FormatError, TypeError, ValueError):
            continue
