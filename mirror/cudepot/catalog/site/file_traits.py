"""What every file of a site is to those who write and serve it: write order, media type, cache lifetime. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from cudepot.catalog.ecosystems import ENVIRONMENTS, WHEELS, row_of, rows
from cudepot.catalog.site_tops import DOCUMENTS, FOLLOWED, PROMOTIONS, SIMPLE_JSON
from cudepot.ports import FileTraits, Rank

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=60, must-revalidate"
_OURS = re.compile(r"^compute/.+/cuda-keyring_[^/]+\.deb$")
"""Packages that are made again when the site's address or key changes: their names do not say so."""
_SIMPLE_JSON = re.compile(
    rf"(?:{ENVIRONMENTS}/[^/]+/)?(?:{WHEELS.index_room}/(?:.+/)?index\.json|{SIMPLE_JSON}/(?:.+/)?)"
)
_HASH = re.compile(r"\.[0-9a-f]{64}$")
"""At the end of the name of a file that never changes, of the type that the rest of the name says."""
_TYPES = {
    ".gz": "application/gzip", ".xz": "application/x-xz", ".bz2": "application/x-bzip2", ".zst": "application/zstd",
    ".tgz": "application/gzip", ".zip": "application/zip",
    ".json": "application/json", ".html": "text/html; charset=utf-8", ".xml": "application/xml",
    ".asc": "text/plain; charset=utf-8", ".gpg": "application/octet-stream", ".txt": "text/plain; charset=utf-8",
    ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
}  # fmt: skip
_TEXT = frozenset(("InRelease", "Release", "Packages", "Sources"))


def traits(path: str) -> FileTraits:
    """Return how the file at a site path (or an S3 key below the prefix) is written and served.

    A key that ends in ``/`` is the page of that folder.
    """
    rank = _rank(path)
    return FileTraits(rank, content_type(path), IMMUTABLE if rank <= Rank.HASHED else SHORT)


def _rank(path: str) -> Rank:
    if _OURS.search(path):
        return Rank.INDEX
    if row_of(path):
        return Rank.PACKAGE
    table = _table(len(rows()))
    if path.endswith(table.beside) or path.startswith((f"{FOLLOWED}/", f"{PROMOTIONS}/")):
        return Rank.PACKAGE
    if table.hashed.search(path):
        return Rank.HASHED
    name = path.rpartition("/")[2]
    return Rank.ROOT if not name or name in table.roots else Rank.INDEX


class _Table(NamedTuple):
    """What all ecosystems together say of the files beside their packages."""

    beside: tuple[str, ...]
    hashed: re.Pattern[str]
    roots: frozenset[str]
    types: Mapping[str, str]


@lru_cache(maxsize=1)
def _table(_: int) -> _Table:
    """Return it for as many rows as there are; put together once, for every file is asked about."""
    every = rows()
    return _Table(
        tuple(suffix for one in every for suffix in one.beside),
        re.compile(f"(?:{'|'.join(one.hashed for one in every if one.hashed)})$"),
        frozenset((*DOCUMENTS, *(name for one in every for name in (*one.roots, *one.signatures)))),
        _TYPES | {suffix: media for one in every for suffix, media in one.media_types},
    )


def content_type(path: str) -> str:
    """Return a file's media type; compressed files have the type of the compression, never a Content-Encoding."""
    name = _HASH.sub("", path.rpartition("/")[2])
    if _SIMPLE_JSON.fullmatch(path):
        return "application/vnd.pypi.simple.v1+json"
    if not name:
        return _TYPES[".html"]
    if name in _TEXT:
        return "text/plain; charset=utf-8"
    return _table(len(rows())).types.get("." + name.rpartition(".")[2], "application/octet-stream")
