"""What a sync found complete: the next one looks for the same objects, and reads no index to learn their names.

Only whole mirrors are remembered: the lock names their indexes, not their packages. Losing the file costs reading
the indexes once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cudepot.catalog.lock import Lock
from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError
from cudepot.store.layout import COMPLETE
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile

_READER = 1  # raised when cudepot takes the same indexes to name other objects


class Complete(NamedTuple):
    """What is here: objects, their bytes, and what is odd about the indexes that name them."""

    files: int
    bytes: int
    notes: tuple[str, ...]


def complete_sync(store: LocalStore, lock: Lock) -> Complete | None:
    """Return what is here where all of a lock was found before and still is, looked at one by one; else None."""
    found = _file(store).recall()
    try:
        objects = [Digest(sha256, size) for sha256, size in found["objects"]]
        notes = tuple(map(str, found["notes"]))
    except (FormatError, KeyError, TypeError, ValueError):
        return None
    if found.get("lock") != _names(lock) or not all(map(store.is_marked, objects)):
        return None
    return Complete(len(objects), sum(one.size for one in objects), notes)


def remember_sync(store: LocalStore, lock: Lock, objects: Iterable[Digest], notes: Iterable[str]) -> None:
    """Remember which objects a lock means, all of which are here; ``notes`` as in :class:`Complete`."""
    named = [[one.sha256, one.size] for one in sorted(objects)]
    _file(store).write({"lock": _names(lock), "notes": list(notes), "objects": named})


def _file(store: LocalStore) -> SealedFile:
    return SealedFile(store.at(COMPLETE), indent=None)


def _names(lock: Lock) -> str:
    """Return a hash over all that decides which objects a lock means."""
    return hexdigest("\n".join([f"reader {_READER}", *_parts(lock)]).encode())


def _parts(lock: Lock) -> Iterator[str]:
    for one in lock.upstreams:
        yield f"{one.type} {one.name}"
        yield from (f"{file.role} {file.path} {file.digest.sha256}" for file in (*one.files, *one.metadata))
    yield from (one.digest.sha256 for one in lock.artifacts)
    yield from (one.provenance.digest.sha256 for one in lock.artifacts if one.provenance)
