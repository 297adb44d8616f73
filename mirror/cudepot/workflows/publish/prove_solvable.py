"""`publish` proves that what it publishes can be installed from the site: each repository by the kind that shows it.

Whole mirrors are their upstream's: not proved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.kinds.registry import Shown, shown_below


def unsolvable(depot: Depot, lock: Lock, tree: Mapping[str, Digest]) -> list[Unsolvable]:
    """Return what no client could install from the finished tree.

    Args:
        depot: the depot; its store has all files of the tree.
        lock: what the tree was made of.
        tree: path on the site → content.
    """
    folders = {
        folder: (name, kind) for kind in shown_below(tree).values() for folder, name in _repositories(depot, lock, kind)
    }
    found: list[Unsolvable] = []
    for folder, files in _grouped(folders, tree).items():
        name, kind = folders[folder]
        found += kind.shows.unsolvable(depot, lock, name, files)
    return found


def _repositories(depot: Depot, lock: Lock, kind: Shown) -> Iterator[tuple[str, str]]:
    """Give the folders of a kind's repositories, each with what it is called: by its upstream, or as the shared one."""
    if kind.ecosystem.per_upstream:
        yield from ((kind.ecosystem.folder(one.name), one.name) for one in lock.upstreams if not one.files)
    else:
        yield from ((one, one.rstrip("/")) for one in kind.shows.folders(depot)[:1])


def _grouped(folders: Collection[str], tree: Mapping[str, Digest]) -> dict[str, dict[str, Digest]]:
    """Return the files of each folder that has any, by their paths below it."""
    grouped: dict[str, dict[str, Digest]] = {}
    for path, digest in tree.items():
        ends = [at + 1 for at, sign in enumerate(path) if sign == "/"]
        folder = next((path[:end] for end in ends if path[:end] in folders), None)
        if folder:
            grouped.setdefault(folder, {})[path.removeprefix(folder)] = digest
    return grouped
