"""Which objects the store lacks. A name and a size prove nothing: what cudepot has not marked is hashed first."""

from __future__ import annotations

import os
from collections.abc import Iterable

from cudepot.digest import Digest
from cudepot.ports import Progress
from cudepot.store.local import LocalStore

_WORKERS = 4
_TOLD = 20  # damaged objects told of one by one


def absent(store: LocalStore, progress: Progress, wanted: Iterable[Digest]) -> set[Digest]:
    """Return those objects that are not in the store, or damaged there; the user is told of the damaged ones."""
    unsure = [one for one in dict.fromkeys(wanted) if not store.is_marked(one)]
    if not unsure:
        return set()
    there = {one: None for one in unsure if os.path.exists(store.name(one))}  # noqa: PTH110 - thousands
    if there:
        _hash(store, progress, list(there))
    damaged = [one for one in there if store.is_damaged(one)]
    for one in damaged[:_TOLD]:
        progress.say(f"object {one.sha256} of the store is damaged: its content does not match its name")
    if len(damaged) > _TOLD:
        progress.say(f"{len(damaged) - _TOLD} more objects are damaged: `cudepot verify` lists them all")
    return {one for one in unsure if one not in there or not store.has(one)}


def _hash(store: LocalStore, progress: Progress, objects: list[Digest]) -> None:
    """Hash what a store of an earlier cudepot, a copy or a backup left without marks, once."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - seldom

    def hashed(one: Digest) -> None:
        store.has(one)
        progress.advance(one.size, 1)

    total = sum(one.size for one in objects)
    progress.begin(f"hashing {len(objects)} objects that were not hashed here", total, len(objects))
    try:
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(hashed, objects))
    finally:
        progress.end()
