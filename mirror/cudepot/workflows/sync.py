"""``cudepot sync``: bring every locked artifact into the store."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.workflows.bring import bring
from cudepot.workflows.depot import Depot
from cudepot.workflows.lock import current_lock


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What syncing did: files and bytes locked, and how many of them had to be fetched."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int


def sync(depot: Depot, *, dry_run: bool = False, wait: float = 0.0) -> SyncResult:
    """Fetch what is missing, ``wait`` seconds long where a fault may pass; in a dry run only say what that is.

    Raises:
        CudepotError: something could not be had as promised; everything else is there.
    """
    lock = current_lock(depot)
    missing = {one.digest: one for one in lock.artifacts if not depot.store.has(one.digest)}
    every = {one.digest for one in lock.artifacts}
    result = SyncResult(len(every), sum(one.size for one in every), len(missing), sum(one.size for one in missing))
    if not dry_run:
        bring(depot, [one.name for one in lock.upstreams], list(missing.values()), wait=wait)
    return result
