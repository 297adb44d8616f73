"""Verify what a site shows of its conda channel: from each repodata.json down to the packages."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cudepot.catalog.site.snapshot import Tree
from cudepot.store.local import LocalStore


def faults(store: LocalStore, tree: Tree, path: str) -> Iterator[str]:
    """Give a line for each package that is not the one a ``repodata.json`` names."""
    index = json.loads(store.read(tree[path]))
    folder = path.removesuffix("repodata.json")
    for filename, entry in (index.get("packages", {}) | index["packages.conda"]).items():
        found = tree.get(folder + filename)
        if found is None or (found.sha256, found.size) != (entry["sha256"], entry["size"]):
            yield f"{path}: {filename} is not the one it names"
