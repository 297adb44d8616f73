"""Some bytes for a store, and what it has of them."""

from __future__ import annotations

from cudepot.digest import Digest
from cudepot.store.local import LocalStore

DATA = b"some bytes" * 1000
DIGEST = Digest.of(DATA)


def content(store: LocalStore, digest: Digest = DIGEST) -> bytes:
    """Return the bytes of an object."""
    with store.open(digest) as handle:
        return handle.read()
