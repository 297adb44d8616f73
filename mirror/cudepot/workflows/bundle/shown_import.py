"""Which of the snapshots that came in bundles is to be shown: the newest, or the one that ``rollback`` chose."""

from __future__ import annotations

from typing import NamedTuple

from cudepot.catalog.site.bundle import Manifest
from cudepot.depot.depot import Clock
from cudepot.errors import ConfigError
from cudepot.store.layout import CHANNELS, ROLLBACK
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
    """Return the number of the snapshot to show: a rollback holds, whatever bundles bring.

    Of a site with channels it is what the first of them shows.
    """
    chosen = choice(store)
    return chosen.shows if chosen else released_number(store)


def released_number(store: LocalStore) -> int:
    """Return the same where no rollback holds."""
    newest, first = newest_number(store), next(iter(channels_told(store).values()), 0)
    return first if first in store.snapshots.numbers() else newest


def channels_told(store: LocalStore) -> dict[str, int]:
    """Return channel → snapshot it shows on the near side, as the newest bundle says; none where it has none."""
    found = SealedFile(store.at(CHANNELS), sort_keys=False).recall()
    return {str(name): int(number) for name, number in found.get("channels", [])}


def note_channels(store: LocalStore, manifest: Manifest) -> None:
    """Remember what a bundle says of channels, unless a newer one came before."""
    file = SealedFile(store.at(CHANNELS), sort_keys=False)
    known, age = file.recall(), (manifest.promotion, manifest.number)
    if manifest.channels and age >= (int(known.get("promotion", 0)), int(known.get("number", 0))):
        file.write({"channels": [list(one) for one in manifest.channels], "promotion": age[0], "number": age[1]})


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
