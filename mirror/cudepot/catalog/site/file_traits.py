"""What every file of a site is to those who write and serve it: write order, media type, cache lifetime. Pure."""

from __future__ import annotations

import re

from cudepot.ports import FileTraits, Rank

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=60, must-revalidate"
_HASHED = re.compile(r"(/by-hash/[A-Za-z0-9]+/[0-9a-f]{64,128}|/shards/[0-9a-f]{64}\.[a-z.]+|/[0-9a-f]{64}-[^/]+)$")
_OURS = re.compile(r"^compute/.+/cuda-keyring_[^/]+\.deb$")
"""Packages that are made anew when the site's address or key changes: their names do not say so."""
_SIMPLE_JSON = re.compile(r"simple/(.+/)?index\.json|simple-json/(.+/)?")
_PACKAGES = (".deb", ".rpm", ".conda", ".tar.bz2", ".whl", ".whl.metadata")
_ROOTS = frozenset((
    "InRelease", "Release", "Release.gpg", "repomd.xml", "repomd.xml.asc", "index.html", "index.json",
    "repodata.json", "repodata.json.zst", "repodata_shards.msgpack.zst", "current_repodata.json",
    "current_repodata.json.zst", "snapshot.json", "snapshot.json.asc",
))  # fmt: skip
_TYPES = {
    ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm", ".whl": "application/zip",
    ".conda": "application/octet-stream", ".metadata": "text/plain; charset=utf-8", ".zst": "application/zstd",
    ".gz": "application/gzip", ".xz": "application/x-xz", ".bz2": "application/x-bzip2",
    ".json": "application/json", ".html": "text/html; charset=utf-8", ".xml": "application/xml",
    ".asc": "text/plain; charset=utf-8", ".gpg": "application/octet-stream", ".txt": "text/plain; charset=utf-8",
    ".tgz": "application/gzip", ".zip": "application/zip",
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
    if path.endswith(_PACKAGES) or path.startswith("files/"):
        return Rank.PACKAGE
    if _HASHED.search(path):
        return Rank.HASHED
    name = path.rpartition("/")[2]
    return Rank.ROOT if not name or name in _ROOTS else Rank.INDEX


def content_type(path: str) -> str:
    """Return a file's media type; compressed files have the type of the compression, never a Content-Encoding."""
    name = path.rpartition("/")[2]
    if _SIMPLE_JSON.fullmatch(path):
        return "application/vnd.pypi.simple.v1+json"
    if not name:
        return _TYPES[".html"]
    if name in _TEXT:
        return "text/plain; charset=utf-8"
    return _TYPES.get("." + name.rpartition(".")[2], "application/octet-stream")
