"""Which of the snapshots that came in bundles is to be shown: the newest, or the one that ``rollback`` chose."""

from __future__ import annotations

from typing import NamedTuple

from cudepot.depot.depot import Clock
from cudepot.errors import ConfigError
from cudepot.store.layout import ROLLBACK
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


class Choice(NamedTuple):
    """The older snapshot that is shown, and since when (UTC; empty where an older cudepot did not note it)."""

    shows: int
    since: str


def newest_number(store: LocalStore) -> int:
    """Return the number of the newest snapshot; raise ConfigError when none has been imported."""
    numbers = store.snapshots.numbers()
    if not numbers:
        raise ConfigError("no bundle has been imported yet", hint="run `cudepot bundle import FILE...` first")
    return numbers[-1]


def wanted_number(store: LocalStore) -> int:
    """Return the number of the snapshot to show: a rollback holds, whatever bundles bring."""
    newest, chosen = newest_number(store), choice(store)
    return chosen.shows if chosen else newest


def choose(store: LocalStore, clock: Clock, number: int) -> None:
    """Remember that ``number`` is to be shown until the rollback is released; the newest one needs no memory."""
    newest = newest_number(store)
    if number == newest:
        forget_choice(store)
        return
    document = {"shows": number, "instead-of": newest, "since": f"{clock():%Y-%m-%dT%H:%M:%SZ}"}
    _file(store).write(document)


def forget_choice(store: LocalStore) -> None:
    """Let the newest snapshot be shown again."""
    _file(store).forget()


def choice(store: LocalStore) -> Choice | None:
    """Return the older snapshot that is to be shown; None for the newest."""
    numbers = store.snapshots.numbers()
    document = _file(store).recall()
    try:
        found, instead = Choice(int(document["shows"]), str(document.get("since", ""))), int(document["instead-of"])
    except (ValueError, KeyError, TypeError):
        return None
    holds = bool(found.since) or [instead] == numbers[-1:]  # one of an older cudepot ended with the next bundle
    return found if found.shows in numbers and holds else None


def _file(store: LocalStore) -> SealedFile:
    return SealedFile(store.at(ROLLBACK), sort_keys=False)
