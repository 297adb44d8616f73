"""Verify what a site shows of its wheel index: from the pages of each project down to the wheels."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from cudepot.catalog.ecosystems import at_home
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.formats.simple import JSON_TYPE, parse_page
from cudepot.store.local import LocalStore


def faults(store: LocalStore, snapshot: Snapshot, path: str) -> Iterator[str]:
    """Follow both pages of a project, JSON and HTML, to its wheels and their metadata."""
    folder = path.removesuffix("index.json")
    if at_home(folder) == "simple/" or not at_home(folder).startswith("simple/"):
        return
    pages = ((path, JSON_TYPE), (folder + "index.html", "text/html"))
    for page, kind in pages:
        for file in parse_page(store.read(snapshot.tree[page]), kind, f"https://site.invalid/{page}"):
            found = snapshot.tree.get(unquote(urlsplit(file.url).path).lstrip("/"))
            if found is None or found.sha256 != file.sha256 or file.size not in (None, found.size):
                yield f"{page}: {file.filename} is not the one it names"
