"""``cudepot tag``: give snapshots names, which keep them from `gc`."""

from __future__ import annotations

import re

from cudepot.catalog.site_tops import check_free
from cudepot.depot.history import History
from cudepot.errors import ConfigError
from cudepot.store.local import LocalStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def add_tag(store: LocalStore, history: History, name: str, number: int, *, move: bool) -> int:
    """Give a snapshot a name; return the number of the snapshot that had it before, 0 for none.

    Raises:
        ConfigError: no name for one, no such snapshot, or another snapshot has the name and ``move`` is not set.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no tag", hint="letters, digits, dots, - and _")
    check_free(name, "the tag")
    history.find(number)
    tags = store.tags.read()
    before = tags.get(name, 0)
    if before not in (0, number) and not move:
        raise ConfigError(
            f"{name} is the tag of snapshot {before}",
            hint=f"`cudepot tag --move {name} {number}` gives it to the other",
        )
    store.tags.write(tags | {name: number})
    return before


def remove_tag(store: LocalStore, name: str) -> int:
    """Take a name from a snapshot; return its number.

    Raises:
        ConfigError: no snapshot is called so.
    """
    number = tagged(store, name)
    store.tags.write({one: number for one, number in store.tags.read().items() if one != name})
    return number


def tagged(store: LocalStore, name: str) -> int:
    """Return the number of the snapshot that has a name; raise ConfigError where none has."""
    tags = store.tags.read()
    if name not in tags:
        raise ConfigError(f"no snapshot is tagged {name!r}", hint=f"tags: {', '.join(tags) or 'none'}")
    return tags[name]
