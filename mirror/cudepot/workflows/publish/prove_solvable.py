"""`publish` proves that what it publishes can be installed from the site: each repository by its ecosystem's prover.

A prover is a module with ``unsolvable(depot, lock, name, files)``: ``name`` of the repository, ``files`` the paths
below its folder on the site → content, all of it in the store. It gives what no client could install from those
files alone and what the lock says that the distribution provides. Whole mirrors are their upstream's: not proved.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from typing import Protocol, cast

from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot
from cudepot.digest import Digest

_PROVERS: dict[str, str] = {
    "apt": "cudepot.kinds.apt.prove",
    "conda": "cudepot.kinds.conda.prove",
    "yum": "cudepot.kinds.yum.prove",
}
"""Folder of the site → module that proves the repositories in it; loaded only where there is one."""


class Prover(Protocol):
    """What a module that proves repositories of one ecosystem has."""

    def unsolvable(self, depot: Depot, lock: Lock, name: str, files: Mapping[str, Digest]) -> list[Unsolvable]:
        """Return what no client could install from a repository."""


def unsolvable(depot: Depot, lock: Lock, tree: Mapping[str, Digest], beside: Collection[str] = ()) -> list[Unsolvable]:
    """Return what no client could install from the finished tree.

    Args:
        depot: the depot.
        lock: what the tree was made of.
        tree: path on the site → content.
        beside: names of repositories that are not looked at: they stay as they were published last.
    """
    folders = {f"{kind}/{one.name}/": one.name for kind in ("apt", "yum") for one in lock.upstreams if not one.files}
    folders[f"conda/{depot.config.site.channel}/"] = f"conda/{depot.config.site.channel}"
    found: list[Unsolvable] = []
    for folder, files in _grouped(folders, tree).items():
        module = _PROVERS.get(folder.partition("/")[0])
        if module and folders[folder] not in beside:
            prover = cast("Prover", importlib.import_module(module))
            found += prover.unsolvable(depot, lock, folders[folder], files)
    return found


def _grouped(folders: Collection[str], tree: Mapping[str, Digest]) -> dict[str, dict[str, Digest]]:
    """Return the files of each folder that has any, by their paths below it."""
    grouped: dict[str, dict[str, Digest]] = {}
    for path, digest in tree.items():
        ends = [at + 1 for at, sign in enumerate(path) if sign == "/"]
        folder = next((path[:end] for end in ends if path[:end] in folders), None)
        if folder:
            grouped.setdefault(folder, {})[path.removeprefix(folder)] = digest
    return grouped
