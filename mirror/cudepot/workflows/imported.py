"""Which of the snapshots that came in bundles is to be shown: the newest, or the one chosen by ``rollback`` since."""

from __future__ import annotations

import json
from pathlib import Path

from cudepot.checked import sealed, unsealed
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, FormatError
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.depot import Depot


def wanted(depot: Depot) -> int:
    """Return the number of the snapshot to show: a newer bundle ends a rollback."""
    numbers = Snapshots(depot.store.root).numbers()
    if not numbers:
        raise ConfigError("no bundle has been imported yet", hint="run `cudepot bundle import FILE...` first")
    chosen, instead = _chosen(depot)
    return chosen if instead == numbers[-1] and chosen in numbers else numbers[-1]


def choose(depot: Depot, number: int) -> None:
    """Remember that ``number`` is to be shown until a newer snapshot comes."""
    instead = Snapshots(depot.store.root).numbers()[-1]
    document = {"shows": number, "instead-of": instead}
    write_atomic(_path(depot), json.dumps(sealed(document), indent=1).encode() + b"\n")


def _chosen(depot: Depot) -> tuple[int, int]:
    try:
        document = unsealed(_path(depot).read_bytes(), "rollback.json")
        return int(document["shows"]), int(document["instead-of"])
    except (OSError, FormatError, ValueError, KeyError, TypeError):
        return 0, 0


def _path(depot: Depot) -> Path:
    return depot.store.root / "rollback.json"
