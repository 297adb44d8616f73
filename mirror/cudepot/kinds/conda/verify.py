"""Verify what a site shows of its conda channel: from each repodata.json down to the packages."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.site.snapshot import Tree
from cudepot.formats.conda_repodata import entries_of
from cudepot.store.local import LocalStore


def faults(store: LocalStore, tree: Tree, path: str) -> Iterator[str]:
    """Give a line for each package that is not the one a ``repodata.json`` names."""
    folder = path.removesuffix("repodata.json")
    for filename, entry in entries_of(store.read(tree[path]), path).items():
        found = tree.get(folder + filename)
        if found is None or (found.sha256, found.size) != (entry["sha256"], entry["size"]):
            yield f"{path}: {filename} does not match this index"
