"""What whole mirrors of every kind have in common when they are locked: extras, and the alarm about changed bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cudepot.catalog.drift import replaced
from cudepot.catalog.lock import FileRole, LockedFile, LockedUpstream, Resolved
from cudepot.catalog.mirror import site_folder
from cudepot.depot.depot import Depot
from cudepot.depot.history import History
from cudepot.depot.upstream_session import Asked
from cudepot.digest import Digest
from cudepot.kinds.mirror_files import read_whole
from cudepot.store.local import LocalStore

EXTRA_LIMIT = 64 << 20  # bytes; keyring packages have a few thousand


def extras(chain: Asked) -> tuple[LockedFile, ...]:
    """Return the files beside the indexes, each by a conditional request."""
    read = chain.memory.read
    return tuple(
        LockedFile(path, FileRole.EXTRA, read(chain.source, path, limit=EXTRA_LIMIT)[1])
        for path in chain.upstream.extras
    )


def with_extras(chain: Asked, locked: LockedUpstream, accepted: Sequence[str]) -> LockedUpstream:
    """Return what is locked of a whole mirror with the files beside its indexes as they are now."""
    if not chain.upstream.extras:
        return locked
    files = (*(one for one in locked.files if one.role != FileRole.EXTRA), *extras(chain))
    chain.memory.save()
    if files == locked.files:
        return locked
    return mirrored(chain.depot, replace(locked, files=files), (locked, ()), accepted, chain.upstream.url)


def mirrored(
    depot: Depot,
    locked: LockedUpstream,
    before: Resolved | None,
    accepted: Sequence[str],
    url: str,
) -> LockedUpstream:
    """Refuse a whole mirror that is not available as it is, or that has other bytes under names that are locked."""
    now = read_whole(depot.store, locked)
    if before is None or not before[0].files:
        return locked
    old = _tree_before(depot.store, depot.history, before[0])
    return replace(locked, replaced=replaced(old, now.tree, before[0].replaced, accepted, url))


def _tree_before(store: LocalStore, history: History, locked: LockedUpstream) -> Mapping[str, Digest]:
    """Return what a whole mirror consisted of: by its locked index or, where that is gone, by the last snapshot."""
    if all(store.has(one.digest) for one in locked.files):
        return read_whole(store, locked).tree
    folder = site_folder(locked)
    shown = [(path, digest) for one in history.latest(1) for path, digest in one.tree.items()]
    return {path.removeprefix(folder): digest for path, digest in shown if path.startswith(folder)}
