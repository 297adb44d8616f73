"""The store kinds, a row each; what is no row is a folder. Rows are names, so that a run loads the one it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cudepot.catalog.fields import Table
from cudepot.store.local import LocalStore
from cudepot.transport.limits import UNLIMITED, Throttle

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.ports import Objects, Progress
    from cudepot.stores.kind import StoreKind, StorePlace

FOLDER = "folder"
STORES = {FOLDER: "", "s3": "cudepot.stores.s3.place"}
"""``type`` in ``[store]`` → the module of the kind; a folder has none."""


def parse_store(root: Table) -> tuple[str, object]:
    """Return the folder of the store, and the place it is the working copy of; None where it is the store itself.

    Raises:
        ConfigError: ``store`` is neither a folder's name nor a table, or a value of it is wrong.
    """
    if not isinstance(root.value_or("store", ""), Mapping):
        return root.text("store", "store"), None
    return parse_table(root.table("store"))


def parse_table(table: Table) -> tuple[str, object]:
    """Return the same of a table ``[store]``."""
    name = table.choice("type", tuple(STORES), FOLDER)
    path, place = table.text("path", "store"), None
    if STORES[name]:
        kind: StoreKind = cast("StoreKind", import_module(STORES[name]))
        place = kind.parse(table)
    table.done()
    return path, place


def open_store(
    config: Config,
    base: Path,
    progress: Progress,
    user_agent: str,
    *,
    quick: bool = False,
    throttle: Throttle = UNLIMITED.throttle,
) -> LocalStore:
    """Return the store that is configured; raise ConfigError where a folder is none."""
    root = base / config.store
    if config.kept_in is None:
        return LocalStore(root, quick=quick)
    from cudepot.stores.kind import Around  # noqa: PLC0415 - of those that are elsewhere

    return cast("StorePlace", config.kept_in).open(Around(base, root, progress, user_agent, quick, throttle=throttle))


def objects_of(config: Config, base: Path, user_agent: str) -> Objects:
    """Return the objects of the store that is configured, for those who only read."""
    if config.kept_in is None:
        from cudepot.store.objects import FolderObjects  # noqa: PLC0415 - where a store is served

        return FolderObjects(base / config.store)
    return cast("StorePlace", config.kept_in).objects(base, user_agent)
