"""The files of a whole mirror, as its index in the store names them: the lock keeps the index by hash only."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from cudepot.catalog.lock import Lock, LockedFile, LockedUpstream
from cudepot.catalog.whole import Whole, is_sources, main_indexes, whole
from cudepot.digest import Digest, Promise, VerifyingReader
from cudepot.formats.apt_listing import listing
from cudepot.formats.compression import decompressed
from cudepot.formats.primary import listing as rpm_listing
from cudepot.formats.sources_listing import sources_listing
from cudepot.workflows.apt_chain import INDEX_LIMIT
from cudepot.workflows.depot import Depot
from cudepot.workflows.yum_chain import METADATA_LIMIT

Listed = tuple[str, Digest | Promise | None]
"""What an index says of a file: where it lies and what it is; None where no strong hash tells."""


def wholes(lock: Lock) -> Iterator[LockedUpstream]:
    """Give the upstreams that are mirrored whole."""
    yield from (one for one in lock.upstreams if one.files)


def read_whole(depot: Depot, upstream: LockedUpstream) -> Whole:
    """Return what a whole mirror consists of; its indexes are hashed again while they are read.

    Raises:
        StorageError: the index is not in the store.
        TrustError, FormatError: it is not what was locked, or not usable.
    """
    listed = itertools.chain.from_iterable(_listed(depot, upstream, one) for one in main_indexes(upstream))
    return whole(upstream, listed, depot.store.known_as)


def _listed(depot: Depot, upstream: LockedUpstream, index: LockedFile) -> Iterator[Listed]:
    what = f"{upstream.name}/{index.path}"
    with depot.store.open(index.digest) as handle:
        checked = VerifyingReader(handle, index.digest, what)
        limit = METADATA_LIMIT if upstream.type == "yum" else INDEX_LIMIT
        with decompressed(cast(BinaryIO, checked), what, limit=limit) as text:
            yield from _reader(upstream, index)(text, what)


def _reader(upstream: LockedUpstream, index: LockedFile) -> Callable[[BinaryIO, str], Iterator[Listed]]:
    if upstream.type == "yum":
        return rpm_listing
    return sources_listing if is_sources(index.path) else listing
