"""Whether there is room for what is about to be written: counted per file system, before the first byte."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cudepot.disk import amount, free_bytes, nearest, no_room
from cudepot.store.layout import PARTS

if TYPE_CHECKING:
    from cudepot.digest import Digest
    from cudepot.store.local import LocalStore


class Need(NamedTuple):
    """What a verb is going to write: below which folder, which may not exist yet, and how many bytes."""

    folder: Path
    size: int


class Room(NamedTuple):
    """What one file system has to take.

    Attributes:
        folder: where on it; several are joined by ``, ``.
        needed: bytes that will be written.
        free: bytes that are free for this user.
        enough: whether they suffice, with a little left for others.
    """

    folder: str
    needed: int
    free: int
    enough: bool


def rooms(needs: Iterable[Need]) -> tuple[Room, ...]:
    """Return what each file system has to take, and has; what needs nothing is left out."""
    found: dict[int, list[Need]] = {}
    for one in needs:
        if one.size > 0:
            found.setdefault(nearest(one.folder).stat().st_dev, []).append(one)
    return tuple(map(_room, found.values()))


def _room(needs: Sequence[Need]) -> Room:
    size, free = sum(one.size for one in needs), free_bytes(needs[0].folder)
    return Room(", ".join(dict.fromkeys(str(one.folder) for one in needs)), size, free, not no_room(size, free))


def check_rooms(found: Iterable[Room]) -> None:
    """Refuse to begin where a file system has too little room.

    Raises:
        NoRoomError: it names the folder, what is needed and what is free.
    """
    for one in found:
        if error := no_room(one.needed, one.free, one.folder):
            raise error


def warnings(found: Iterable[Room]) -> Iterator[str]:
    """Give a line for each file system that has less room than what is estimated: that refuses nothing."""
    for one in found:
        if not one.enough:
            needed, free = amount(one.needed), amount(one.free)
            yield f"warning: {one.folder}: about {needed} may be needed, {free} are free; it goes on as far as it can"


def still_to_come(store: LocalStore, missing: Iterable[Digest]) -> int:
    """Return the bytes that a store lacks of objects, less what an earlier run has of them already."""
    parts, left = store.at(PARTS), 0
    try:
        begun = {one.name: one.stat().st_size for one in os.scandir(parts)}
    except OSError:
        begun = {}
    for one in missing:
        left += max(one.size - begun.get(one.sha256, 0), 0)
    return left
