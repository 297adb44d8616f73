"""How verbs show the disk space that they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.depot.room import Room


def room_lines(found: Sequence[Room]) -> list[str]:
    """Return a line for each file system: a warning where its room does not suffice."""
    return [_line(one) for one in found]


def room_json(found: Sequence[Room]) -> list[dict[str, Any]]:
    """Return the same as JSON has it."""
    return [one._asdict() for one in found]


def _line(one: Room) -> str:
    told = f"{one.folder}: {size_text(one.needed)} needed, {size_text(one.free)} free"
    return f"room: {told}" if one.enough else f"warning: no room: {told}"
