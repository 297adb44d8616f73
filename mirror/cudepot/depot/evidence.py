"""Looks at what an upstream really serves where it does not serve what it promised."""

from __future__ import annotations

from cudepot.catalog.faults import Served
from cudepot.digest import Digest, MismatchError, hasher
from cudepot.errors import CudepotError, UpstreamError
from cudepot.ports import About, Source

HASH_LIMIT = 64 << 20  # bytes read only to be able to name a hash


def served_at(source: Source, path: str, error: MismatchError) -> Served:
    """Return size, hash and date of what is served at ``path``, as far as the upstream lets us see.

    Args:
        source: the upstream.
        path: the file.
        error: what was found on the first try; where that was a complete read, the file is not read again.
    """
    try:
        about = source.about(path)
    except UpstreamError:
        about = About()
    if error.found.size == about.size <= error.expected.size:
        return Served(error.found.size, error.found.sha256, about.modified)
    try:
        read = _hashed(source, path, about.size)
    except CudepotError:
        read = None
    return Served(read.size, read.sha256, about.modified) if read else Served(about.size, "", about.modified)


def _hashed(source: Source, path: str, size: int) -> Digest | None:
    if size > HASH_LIMIT:
        return None
    one, seen = hasher(), 0
    with source.stream(path, 0) as (_, chunks):
        for chunk in chunks:
            one.update(chunk)
            seen += len(chunk)
            if seen > HASH_LIMIT:
                return None
    return Digest(one.hexdigest(), seen)
