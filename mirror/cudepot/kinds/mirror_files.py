"""The files of a whole mirror, as its index in the store names them: the lock keeps the index by hash only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from cudepot.catalog.lock import Lock, LockedFile, LockedUpstream
from cudepot.catalog.mirror import Whole, whole
from cudepot.digest import VerifyingReader
from cudepot.kinds.kind import Listed
from cudepot.kinds.registry import kind_of_mirror
from cudepot.store.local import LocalStore


def wholes(lock: Lock) -> Iterator[LockedUpstream]:
    """Give the upstreams that are mirrored whole."""
    yield from (one for one in lock.upstreams if one.files)


def main_indexes(upstream: LockedUpstream) -> Sequence[LockedFile]:
    """Return the indexes that name all packages of a whole mirror; raise ConfigError where there is none."""
    return kind_of_mirror(upstream).vouches.main_indexes(upstream)


def read_whole(store: LocalStore, upstream: LockedUpstream) -> Whole:
    """Return what a whole mirror consists of; its indexes are hashed again while they are read.

    Raises:
        StorageError: the index is not in the store.
        TrustError, FormatError: it is not what was locked, or not usable.
    """
    listed = itertools.chain.from_iterable(_listed(store, upstream, one) for one in main_indexes(upstream))
    return whole(upstream, listed, store.known_as)


def _listed(store: LocalStore, upstream: LockedUpstream, index: LockedFile) -> Iterator[Listed]:
    from cudepot.formats.compression import decompressed  # noqa: PLC0415 - where an index is read

    what = f"{upstream.name}/{index.path}"
    read, limit = kind_of_mirror(upstream).vouches.reader(index.path)
    with store.open(index.digest) as handle:
        checked = VerifyingReader(handle, index.digest, what)
        with decompressed(cast(BinaryIO, checked), what, limit=limit) as text:
            yield from read(text, what)
