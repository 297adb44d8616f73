"""Has other machines fetch files into a store in a bucket; each is tried at every place that may have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cudepot.depot.fetch import grouped
from cudepot.depot.workers import Workers
from cudepot.errors import CudepotError, MissingError
from cudepot.ports import Progress
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.depot.fetch_locked import Missing

    Left = list[tuple[Missing, CudepotError]]


def fetch_by_workers(workers: Workers, store: LocalStore, progress: Progress, wanted: Sequence[Missing]) -> Left:
    """Have workers fetch what the store lacks; return what they could not, and why.

    Args:
        workers: they write into the store's bucket.
        store: the store.
        progress: is told of what has come.
        wanted: the same bytes may be at several places.
    """
    groups = grouped((one for one in wanted if not store.has(one.digest)), lambda one: one.digest)
    left: Left = []
    progress.begin(f"fetching {len(groups)} files by workers", sum(one.size for one in groups), len(groups))
    try:
        waiting = list(groups.values())
        while waiting:
            waiting = _round(workers, progress, waiting, left)
    finally:
        progress.end()
        store.relist()
    return left


def _round(workers: Workers, progress: Progress, waiting: list[list[Missing]], left: Left) -> list[list[Missing]]:
    """Ask for each at its first place; return those that are available elsewhere, perhaps."""
    places = {one[0].digest: one for one in waiting}
    again = []
    for one, error in workers.fetched([each[0] for each in waiting]):
        if error is None:
            progress.advance(one.digest.size, 1)
        elif isinstance(error, MissingError) and len(places[one.digest]) > 1:
            again.append(places[one.digest][1:])
        else:
            left.append((one, error))
    return again
