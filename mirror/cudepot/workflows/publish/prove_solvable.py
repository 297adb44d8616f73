"""`publish` proves that what it publishes can be installed from the site: each repository by the kind that shows it.

Whole mirrors are their upstream's: not proved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.digest import Digest
from cudepot.kinds.registry import Shown, shown_below
from cudepot.store.local import LocalStore


def unsolvable(config: Config, store: LocalStore, lock: Lock, tree: Mapping[str, Digest]) -> list[Unsolvable]:
    """Return what no client could install from the finished tree.

    Args:
        config: cudepot.toml.
        store: the store.
        lock: what the tree was made of.
        tree: path on the site → content.
    """
    folders = {
        folder: (name, kind)
        for kind in shown_below(tree).values()
        for folder, name in _repositories(config, lock, kind)
    }
    found: list[Unsolvable] = []
    for folder, files in _grouped(folders, tree).items():
        name, kind = folders[folder]
        found += kind.shows.unsolvable(config, store, lock, name, files)
    return found


def _repositories(config: Config, lock: Lock, kind: Shown) -> Iterator[tuple[str, str]]:
    """Give the folders of a kind's repositories, each with what it is called: by its upstream, or as the shared one."""
    if kind.ecosystem.per_upstream:
        yield from ((kind.ecosystem.folder(one.name), one.name) for one in lock.upstreams if not one.files)
    else:
        yield from ((one, one.rstrip("/")) for one in kind.shows.folders(config)[:1])


def _grouped(folders: Collection[str], tree: Mapping[str, Digest]) -> dict[str, dict[str, Digest]]:
    """Return the files of each folder that has any, by their paths below it."""
    grouped: dict[str, dict[str, Digest]] = {}
    nearest: dict[str, str] = {}  # of whole mirrors there are 100,000 paths in a few folders
    for path, digest in tree.items():
        parent = path[: path.rfind("/") + 1]
        if parent not in nearest:
            ends = [at + 1 for at, sign in enumerate(parent) if sign == "/"]
            nearest[parent] = next((parent[:end] for end in ends if parent[:end] in folders), "")
        if folder := nearest[parent]:
            grouped.setdefault(folder, {})[path.removeprefix(folder)] = digest
    return grouped
