"""Verify what a site shows of its wheel index: from the pages of each project down to the wheels."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from cudepot.catalog.ecosystems import at_home
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.digest import Digest
from cudepot.formats.simple import JSON_TYPE, IndexFile, parse_page
from cudepot.store.local import LocalStore


def faults(store: LocalStore, snapshot: Snapshot, path: str) -> Iterator[str]:
    """Follow both pages of a project, JSON and HTML, to its wheels, their metadata and provenance."""
    folder = path.removesuffix("index.json")
    if at_home(folder) == "simple/" or not at_home(folder).startswith("simple/"):
        return
    for page, kind in ((path, JSON_TYPE), (folder + "index.html", "text/html")):
        for file in parse_page(store.read(snapshot.tree[page]), kind, f"https://site.invalid/{page}"):
            for what in _wrong(file, snapshot):
                yield f"{page}: {what} does not match this page"


def _wrong(file: IndexFile, snapshot: Snapshot) -> Iterator[str]:
    """Give what of a wheel the snapshot does not show as its page says."""
    wheel = _shown(snapshot, file.url)
    if wheel is None or wheel.sha256 != file.sha256 or file.size not in (None, wheel.size):
        yield file.filename
    metadata = _shown(snapshot, f"{file.url}.metadata")
    if file.core_metadata is not None and (metadata is None or file.core_metadata not in ("", metadata.sha256)):
        yield f"{file.filename}.metadata"
    if file.provenance and _shown(snapshot, f"{file.url}.provenance") is None:
        yield f"{file.filename}.provenance"


def _shown(snapshot: Snapshot, url: str) -> Digest | None:
    return snapshot.tree.get(unquote(urlsplit(url).path).lstrip("/"))
