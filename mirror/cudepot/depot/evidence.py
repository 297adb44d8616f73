"""Looks at what an upstream really serves where it does not serve what it promised."""

from __future__ import annotations

from cudepot.catalog.faults import Served
from cudepot.digest import Digest, MismatchError, hasher
from cudepot.errors import CudepotError, FormatError, UpstreamError
from cudepot.ports import About, Source

HASH_LIMIT = 64 << 20  # bytes read only to be able to name a hash
_RELEASE_LIMIT = 10 << 20


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


def release_beside(source: Source, folder: str, index: str, served: Served) -> dict[str, str | int]:
    """Return what the unsigned ``Release`` says of the index served: NVIDIA uploads it before its signatures.

    Evidence only: nothing of it is trusted or used.
    """
    from cudepot.formats.apt_release import parse_release  # noqa: PLC0415 - of use to apt repositories only

    try:
        page = source.fresh().read(f"{folder}Release", limit=_RELEASE_LIMIT)
        release = parse_release(page.body if page else b"", "Release")
    except (UpstreamError, FormatError):
        return {}
    listed = release.files.get(index)
    found: dict[str, str | int] = {"release_date": release.fields.get("Date", "")}
    if listed is not None and (listed.sha256, listed.size) == (served.sha256, served.size):
        found["release_names_served"] = 1
    return found
