"""Which objects the store lacks. A name and a size prove nothing: what cudepot has not marked is hashed first."""

from __future__ import annotations

import os
from collections.abc import Iterable

from cudepot.depot.depot import Depot
from cudepot.digest import Digest

_WORKERS = 4
_TOLD = 20  # damaged objects told of one by one


def absent(depot: Depot, wanted: Iterable[Digest]) -> set[Digest]:
    """Return those objects that are not in the store, or damaged there; the user is told of the damaged ones."""
    store = depot.store
    unsure = [one for one in dict.fromkeys(wanted) if not store.is_marked(one)]
    if not unsure:
        return set()
    there = {one: None for one in unsure if os.path.exists(store.name(one))}  # noqa: PTH110 - thousands
    if there:
        _hash(depot, list(there))
    damaged = [one for one in there if store.is_damaged(one)]
    for one in damaged[:_TOLD]:
        depot.progress.say(
            f"object {one.sha256} of the store is damaged: it holds other bytes than its name stands for"
        )
    if len(damaged) > _TOLD:
        depot.progress.say(f"{len(damaged) - _TOLD} more objects are damaged likewise: `cudepot verify` names them all")
    return {one for one in unsure if one not in there or not store.has(one)}


def _hash(depot: Depot, objects: list[Digest]) -> None:
    """Hash what a store of an earlier cudepot, a copy or a backup left without marks, once."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - seldom

    def hashed(one: Digest) -> None:
        depot.store.has(one)
        depot.progress.advance(one.size, 1)

    total = sum(one.size for one in objects)
    depot.progress.begin(f"hashing {len(objects)} objects that were not hashed here", total, len(objects))
    try:
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(hashed, objects))
    finally:
        depot.progress.end()
