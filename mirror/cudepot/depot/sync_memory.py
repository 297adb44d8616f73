"""What a sync found complete: the next one looks for the same objects, and reads no index to learn their names.

Only whole mirrors are remembered: the lock names their indexes, not their packages. Losing the file costs reading
the indexes once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.mirror import Whole
from cudepot.catalog.site.object_lists import digest_of, name_of
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError
from cudepot.store.layout import COMPLETE
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile

_READER = 2  # raised when cudepot takes the same indexes to name other objects, or to show others
_OTHERS = ""  # what is no whole mirror's; no upstream has that name


class Complete(NamedTuple):
    """What is here: objects, their bytes, and what is odd about the indexes that name them."""

    files: int
    bytes: int
    notes: tuple[str, ...]


def complete_sync(store: LocalStore, lock: Lock) -> Complete | None:
    """Return what is here where all of a lock was found before and still is, looked at one by one; else None."""
    found = _file(store).recall()
    objects = {one for several in (_objects(found, lock) or {}).values() for one in several}
    if not objects or not all(map(store.is_marked, objects)):
        return None
    return Complete(len(objects), sum(one.size for one in objects), tuple(map(str, found.get("notes", ()))))


def mirrored_objects(store: LocalStore, lock: Lock) -> Mapping[str, set[Digest]]:
    """Return whole mirror → the objects it consists of, as a sync of this very lock found; whether they are here still
    is to be looked at. Empty where that is not known.
    """
    return _objects(_file(store).recall(), lock) or {}


def shown_trees(store: LocalStore) -> Mapping[tuple[str, str], str]:
    """Return (name, what is locked) of whole mirrors → hash over what a site shows of each, see :func:`tree_hash`."""
    found = _file(store).recall().get("shown")
    listed = found if isinstance(found, list) else []
    return {(str(name), str(of)): str(tree) for name, of, tree in (one for one in listed if len(one) == len("abc"))}


def named_in(upstream: LockedUpstream) -> tuple[str, str]:
    """Return the name of a whole mirror, and a hash over all that decides what it consists of."""
    return upstream.name, hexdigest("\n".join([f"reader {_READER}", *_of_upstream(upstream)]).encode())


def tree_hash(tree: Tree, folder: str = "") -> str:
    """Return a hash over the files of a tree below a folder, their paths beginning there."""
    start = len(folder)
    lines = (f"{path[start:]} {one.sha256} {one.size}" for path, one in tree.items() if path.startswith(folder))
    return hexdigest("\n".join(sorted(lines)).encode())


def remember_sync(
    store: LocalStore, lock: Lock, found: Mapping[str, Whole], others: Iterable[Digest], notes: Iterable[str]
) -> None:
    """Remember what a lock means, all of which is here.

    Args:
        store: where that is.
        lock: the lock.
        found: its whole mirrors, by name.
        others: everything; what is no mirror's among it counts.
        notes: as in :class:`Complete`.
    """
    objects = {name: set(one.tree.values()) for name, one in found.items()}
    objects[_OTHERS] = set(others).difference(*objects.values())
    texts = {name: " ".join(sorted(map(name_of, several))) for name, several in objects.items()}
    shown = [[*named_in(one), tree_hash(found[one.name].shown)] for one in lock.upstreams if one.name in found]
    _file(store).write({"lock": _names(lock), "notes": list(notes), "objects": texts, "shown": shown})


def _objects(found: Mapping[str, Any], lock: Lock) -> dict[str, set[Digest]] | None:
    """Return the objects that were found, by mirror; None where that was another lock, or cannot be read."""
    if found.get("lock") != _names(lock):
        return None
    try:
        return {name: set(map(digest_of, text.split())) for name, text in found["objects"].items()}
    except (FormatError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _file(store: LocalStore) -> SealedFile:
    return SealedFile(store.at(COMPLETE), indent=None)


def _names(lock: Lock) -> str:
    """Return a hash over all that decides which objects a lock means."""
    return hexdigest("\n".join([f"reader {_READER}", *_parts(lock)]).encode())


def _parts(lock: Lock) -> Iterator[str]:
    for one in lock.upstreams:
        yield from _of_upstream(one)
    yield from (one.digest.sha256 for one in lock.artifacts)
    yield from (one.provenance.digest.sha256 for one in lock.artifacts if one.provenance)


def _of_upstream(one: LockedUpstream) -> Iterator[str]:
    yield f"{one.type} {one.name}"
    yield from (*one.spelled, *one.removed)
    yield from (f"{file.role} {file.path} {file.digest.sha256}" for file in (*one.files, *one.metadata))
