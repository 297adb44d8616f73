"""The files of a whole mirror, as its index in the store names them: the lock keeps the index by hash only."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from cudepot.catalog.lock import Lock, LockedFile, LockedUpstream
from cudepot.catalog.mirror import Whole, is_sources, main_indexes, whole
from cudepot.depot.depot import Depot
from cudepot.depot.upstream_session import INDEX_LIMIT, METADATA_LIMIT
from cudepot.digest import Digest, Promise, VerifyingReader

if TYPE_CHECKING:
    from cudepot.formats.apt_odd import Oddities

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
    from cudepot.formats.compression import decompressed  # noqa: PLC0415 - where an index is read

    what = f"{upstream.name}/{index.path}"
    read, limit = _reader(upstream, index.path)
    with depot.store.open(index.digest) as handle:
        checked = VerifyingReader(handle, index.digest, what)
        with decompressed(cast(BinaryIO, checked), what, limit=limit) as text:
            yield from read(text, what)


def look_at(depot: Depot, upstream: LockedUpstream) -> Oddities:
    """Return what is odd about the indexes of a whole apt mirror, each line with the upstream's name.

    Raises:
        FormatError: apt refuses one of them.
    """
    from cudepot.formats.apt_odd import Oddities, oddities  # noqa: PLC0415 - where an index is read

    found = Oddities()
    for index, text in texts(depot, upstream):
        one = oddities(text, f"{upstream.name}/{index.path}")
        found.notes += [f"{upstream.name}: {note} ({index.path})" for note in one.notes]
        found.spelled += one.spelled
        found.packages += one.packages
    return found


def texts(depot: Depot, upstream: LockedUpstream) -> Iterator[tuple[LockedFile, BinaryIO]]:
    """Give the lists of packages of a whole apt mirror, each open and unpacked while it is looked at."""
    from cudepot.formats.compression import decompressed  # noqa: PLC0415 - where an index is read

    for index in main_indexes(upstream):
        if not is_sources(index.path):
            what = f"{upstream.name}/{index.path}"
            with depot.store.open(index.digest) as handle, decompressed(handle, what, limit=INDEX_LIMIT) as text:
                yield index, text


def _reader(upstream: LockedUpstream, path: str) -> tuple[Callable[[BinaryIO, str], Iterator[Listed]], int]:
    """Return what reads an index of this kind, and the bytes it may unpack to."""
    if upstream.type == "yum":
        from cudepot.formats import primary  # noqa: PLC0415

        return primary.listing, METADATA_LIMIT
    if is_sources(path):
        from cudepot.formats import sources_listing  # noqa: PLC0415

        return sources_listing.sources_listing, INDEX_LIMIT
    from cudepot.formats import apt_listing  # noqa: PLC0415

    return apt_listing.listing, INDEX_LIMIT
