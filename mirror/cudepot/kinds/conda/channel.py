"""Reads the conda channel of a tree: what its indexes say of each package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cudepot.catalog.site.snapshot import Tree
from cudepot.formats.conda_repodata import Record, lacking, records_of
from cudepot.store.local import LocalStore

_INDEX = "/repodata.json"


def channel_records(store: LocalStore, tree: Tree, channel: str) -> Iterator[tuple[str, Record]]:
    """Give site path and record of every package of the channel at ``conda/NAME``.

    Raises:
        FormatError: an index is damaged.
        StorageError: it is not in the store.
    """
    for path, digest in sorted(tree.items()):
        if path.startswith(f"{channel}/") and path.endswith(_INDEX):
            records = records_of(store.read(digest), path)
            yield from ((f"{path.removesuffix(_INDEX)}/{name}", one) for name, one in records.items())


def is_closed(store: LocalStore, tree: Tree, channel: str) -> bool:
    """Return whether a channel has packages, and everything they need by name."""
    found: list[dict[str, Any]] = [dict(one) for _, one in channel_records(store, tree, channel)]
    return bool(found) and not lacking(found)
