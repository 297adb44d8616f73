"""Brings an object back into the store from the site that shows it, its bytes checked on the way."""

from __future__ import annotations

import contextlib

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.errors import CudepotError
from cudepot.ports import Inspectable
from cudepot.store.local import LocalStore


def from_site(store: LocalStore, site: Inspectable, shown: Snapshot, path: str, digest: Digest) -> bool:
    """Bring an object back; return whether that went well.

    Args:
        store: the store.
        site: the site.
        shown: the snapshot whose file it is.
        path: of the file.
        digest: what it has to be.
    """
    with contextlib.suppress(CudepotError), site.open(shown.number, path) as handle:
        checked = VerifyingReader(handle, digest, path)
        store.add(iter(lambda: checked.read(CHUNK), b""))
        return True
    return False
