"""What is odd about the indexes of a whole apt mirror."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cudepot.catalog.lock import LockedFile, LockedUpstream
from cudepot.formats.apt_odd import Oddities, oddities
from cudepot.formats.compression import decompressed
from cudepot.kinds.apt.rules.indexes import INDEX_LIMIT
from cudepot.kinds.apt.rules.mirror import is_sources, main_indexes
from cudepot.store.local import LocalStore


def look_at(store: LocalStore, upstream: LockedUpstream) -> Oddities:
    """Return what is odd about the indexes of a whole apt mirror, each line with the upstream's name.

    Raises:
        FormatError: apt refuses one of them.
    """
    found = Oddities()
    for index, text in texts(store, upstream):
        one = oddities(text, f"{upstream.name}/{index.path}")
        found.notes += [f"{upstream.name}: {note} ({index.path})" for note in one.notes]
        found.spelled += one.spelled
        found.packages += one.packages
    return found


def texts(store: LocalStore, upstream: LockedUpstream) -> Iterator[tuple[LockedFile, BinaryIO]]:
    """Give the lists of packages of a whole apt mirror, each open and unpacked while it is looked at."""
    for index in main_indexes(upstream):
        if not is_sources(index.path):
            what = f"{upstream.name}/{index.path}"
            with store.open(index.digest) as handle, decompressed(handle, what, limit=INDEX_LIMIT) as text:
                yield index, text
