"""``cudepot sync``: bring every locked artifact into the store."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.ports import Source
from cudepot.workflows.depot import Depot
from cudepot.workflows.fetch import Wanted, fetch_all
from cudepot.workflows.lock import current_lock


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What syncing did: files and bytes locked, and how many of them had to be fetched."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int


def sync(depot: Depot, *, dry_run: bool = False) -> SyncResult:
    """Fetch what is missing; in a dry run only say what that is.

    Raises:
        CudepotError: something could not be had as promised; everything else is there.
    """
    lock = current_lock(depot)
    missing = {one.digest: one for one in lock.artifacts if not depot.store.has(one.digest)}
    every = {one.digest for one in lock.artifacts}
    result = SyncResult(len(every), sum(one.size for one in every), len(missing), sum(one.size for one in missing))
    if not dry_run and missing:
        names = {one.upstream for one in missing.values()}
        sources: dict[str, Source] = {name: depot.source(depot.config.upstream(name)) for name in names}
        wanted = [Wanted(sources[one.upstream], one.path, one.digest) for one in missing.values()]
        fetch_all(wanted, depot.store, depot.progress)
    return result
