"""Which of the snapshots that came in bundles are to be shown: what the near side shows, or what ``rollback`` chose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cudepot.depot.depot import Clock
from cudepot.errors import ConfigError
from cudepot.store.layout import CHANNELS, ROLLBACK
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile
from cudepot_far.channels import Told, absent, document, recalled
from cudepot_far.channels import wanted as decided


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


def wanted(store: LocalStore, names: Sequence[str]) -> dict[str, int]:
    """Return which snapshot each channel here is to show; of a site without channels, under an empty name.

    A rollback holds, whatever bundles bring. A channel that is left out stays as it is.
    """
    chosen, found = choice(store), released(store, names)
    return found | {first_of(names): chosen.shows} if chosen else found


def released(store: LocalStore, names: Sequence[str]) -> dict[str, int]:
    """Return the same where no rollback holds; raise ConfigError when no bundle was imported."""
    newest_number(store)
    return decided(names, told_of(store), store.snapshots.numbers())


def first_of(names: Sequence[str]) -> str:
    """Return the channel that a rollback is about; empty for a site without channels."""
    return names[0] if names else ""


def absent_lines(store: LocalStore, names: Sequence[str]) -> list[str]:
    """Return a line for each channel here that cannot show what it shows on the near side."""
    return list(absent(names, told_of(store), store.snapshots.numbers()))


def told_of(store: LocalStore) -> Told:
    """Return what the newest bundle said of channels; nothing where the near side has none."""
    return recalled(SealedFile(store.at(CHANNELS), sort_keys=False).recall())


def tell(store: LocalStore, told: Told) -> None:
    """Keep what was said of channels last; ``publish`` shows it."""
    SealedFile(store.at(CHANNELS), sort_keys=False).write(document(told))


def choose(store: LocalStore, names: Sequence[str], clock: Clock, number: int) -> None:
    """Remember that ``number`` is to be shown until the rollback is released; what is shown then needs no memory."""
    if number == released(store, names).get(first_of(names)):
        forget_choice(store)
        return
    document = {"shows": number, "instead-of": newest_number(store), "since": f"{clock():%Y-%m-%dT%H:%M:%SZ}"}
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
