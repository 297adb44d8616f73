"""Brings an object back into the store from the site that shows it, its bytes checked on the way."""

from __future__ import annotations

import contextlib

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.errors import CudepotError


def from_site(depot: Depot, shown: Snapshot, path: str, digest: Digest) -> bool:
    """Bring an object back; return whether that went well.

    Args:
        depot: the depot.
        shown: the snapshot whose file it is.
        path: of the file.
        digest: what it has to be.
    """
    with contextlib.suppress(CudepotError), depot.inspectable().open(shown.number, path) as handle:
        checked = VerifyingReader(handle, digest, path)
        depot.store.add(iter(lambda: checked.read(CHUNK), b""))
        return True
    return False
