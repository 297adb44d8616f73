"""Whether an object of the store is what an index promises, by whichever hash the index has."""

from __future__ import annotations

from cudepot.digest import Digest, Promise
from cudepot.store.local import LocalStore


def keeps(store: LocalStore, digest: Digest, promised: Digest | Promise | None) -> bool:
    """Return whether an object is what was promised; it is read where that has no sha256.

    Raises:
        StorageError: it would have to be read, and is not in the store.
    """
    if isinstance(promised, Promise):
        with store.open(digest) as handle:
            return promised.kept_by(handle)
    return digest == promised
