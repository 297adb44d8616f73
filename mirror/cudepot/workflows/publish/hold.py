"""A rollback that holds: what the site shows, instead of what, and since when; until `publish --release-rollback`."""

from __future__ import annotations

from typing import Any, NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.site.snapshot import parse_head
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.shown_import import choice

RELEASE = "cudepot publish --release-rollback"


class Hold(NamedTuple):
    """A rollback that holds.

    Attributes:
        number: the snapshot that is shown.
        shows: the older one whose packages it has; the same on the far side of an air gap.
        since: when it was rolled back (UTC, ``2026-11-23T00:54:16Z``); empty where an older cudepot did not note it.
    """

    number: int
    shows: int
    since: str

    def line(self) -> str:
        """Return it in one line."""
        since = f" since {self.since}" if self.since else ""
        return f"rolled back to snapshot {self.shows}{since}: it stays until `{RELEASE}`"

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return self._asdict()


def hold_of(config: Config, store: LocalStore) -> Hold | None:
    """Return the rollback that holds; on the side that signs, the snapshots themselves say so."""
    if config.site.origin:
        chosen = choice(store)
        return Hold(chosen.shows, chosen.shows, chosen.since) if chosen else None
    snapshots, found = store.snapshots, None
    for number in reversed(snapshots.numbers()):
        one = parse_head(snapshots.head(number), f"snapshot {number}")
        if one.channel:
            continue
        if not one.rollback or (found and one.rollback != found.shows):
            break
        found = Hold(found.number if found else number, one.rollback, one.created)
    return found
