"""Compares what was built here with packages of upstreams that it can take the place of, for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.site.snapshot import Tree
from cudepot.kinds.registry import shown_below
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.kinds.compared import Compared


def compared(config: Config, store: LocalStore, tree: Tree) -> tuple[Compared, ...]:
    """Return how packages of a tree that were built here differ from those that `lock` noted.

    Raises:
        FormatError: an index of the tree is damaged.
        StorageError: it is not in the store.
    """
    return tuple(found for one in shown_below(tree).values() for found in one.shows.compared(config, store, tree))
