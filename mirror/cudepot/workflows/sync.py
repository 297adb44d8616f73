"""``cudepot sync``: bring every locked artifact into the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.whole import main_index
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.workflows.bring import bring
from cudepot.workflows.depot import Depot
from cudepot.workflows.lock import current_lock
from cudepot.workflows.whole import read_whole, wholes


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What syncing did: files and bytes locked, how many of them had to be fetched, what is odd about an index."""

    files: int
    bytes: int
    fetched_files: int
    fetched_bytes: int
    notes: tuple[str, ...] = ()


def sync(depot: Depot, *, dry_run: bool = False, wait: float = 0.0) -> SyncResult:
    """Fetch what is missing, ``wait`` seconds long where a fault may pass; in a dry run only say what that is.

    Raises:
        CudepotError: something could not be had as promised; everything else is there.
    """
    lock = current_lock(depot)
    _restore_indexes(depot, lock, dry_run=dry_run)
    found = {one.name: read_whole(depot, one) for one in wholes(lock)}
    mirrored = [_file(name, path, digest) for name, one in found.items() for path, digest in one.tree.items()]
    every = {one.digest: one for one in (*mirrored, *lock.artifacts)}
    missing = {digest: one for digest, one in every.items() if not depot.store.has(digest)}
    if not dry_run:
        bring(depot, [one.name for one in lock.upstreams], list(missing.values()), wait=wait)
    notes = tuple(note for one in found.values() for note in one.notes)
    return SyncResult(len(every), _size(every), len(missing), _size(missing), notes)


def _file(upstream: str, path: str, digest: Digest) -> Artifact:
    """Return a file of a whole mirror as something to fetch: what it is stands in the index only."""
    return Artifact(upstream, "deb", path, "", "", path, path.rpartition("/")[2], digest)


def _restore_indexes(depot: Depot, lock: Lock, *, dry_run: bool) -> None:
    """Fetch the indexes of whole mirrors where the store is another than the one that locked them."""
    indexes = [_file(one.name, main_index(one).path, main_index(one).digest) for one in wholes(lock)]
    missing = [one for one in indexes if not depot.store.has(one.digest)]
    if missing and dry_run:
        raise ConfigError("the index of a whole mirror is not in this store", hint="sync without --dry-run fetches it")
    if missing:
        bring(depot, [one.upstream for one in missing], missing, wait=0)


def _size(digests: Iterable[Digest]) -> int:
    return sum(one.size for one in digests)
