"""The document that says what the site of a store shows: one for all channels, so that one write switches. Pure.

Format: ``docs/formats.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cudepot.catalog.fields import Table
from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError, StorageError
from cudepot.paths import safe_name
from cudepot.sealed import sealed, unsealed

FORMAT = "cudepot-site 1"
DOCUMENT = "snapshot.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_HINT = "move it away; then `cudepot publish`, and `cudepot promote` for each other channel, write it again"


class Channel(NamedTuple):
    """What a channel shows.

    Attributes:
        shows: number of the snapshot.
        since: seconds since 1970, later with every switch of the channel: what its files are dated.
        before: number of the snapshot it showed before; 0 for none.
    """

    shows: int
    since: int
    before: int = 0


class Written(NamedTuple):
    """A snapshot of the site.

    Attributes:
        extra: path → content of the files that are not in the snapshot's tree, its own document among them.
        more: further files as a document of their own, see :func:`rendered_files`; None for none.
    """

    extra: Mapping[str, Digest]
    more: Digest | None = None


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a site shows.

    Attributes:
        channels: name → what it shows; a site without channels has one, ``current``.
        snapshots: number → what was written and not pruned since.
        newest: the highest number that was ever written.
        serial: how often it was changed.
        beside: path → content of small files that are next to the channels, and part of no snapshot.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    snapshots: Mapping[int, Written] = field(default_factory=dict)
    newest: int = 0
    serial: int = 0
    beside: Mapping[str, Digest] = field(default_factory=dict)

    def shows(self, channel: str) -> int | None:
        """Return the number of the snapshot that a channel shows; None where it shows none."""
        one = self.channels.get(channel)
        return one.shows if one and one.shows in self.snapshots else None

    def named(self) -> dict[int, str]:
        """Return the numbers of the snapshots that channels show, or showed before, and why each is needed."""
        before = {one.before: f"shown in {name} before" for name, one in self.channels.items()}
        shown = {one.shows: f"shown in {name}" for name, one in self.channels.items()}
        return {number: why for number, why in (before | shown).items() if number in self.snapshots}

    def switched(self, channel: str, number: int, now: float) -> Pointer:
        """Return it with another snapshot in a channel."""
        old = self.channels.get(channel, Channel(0, 0))
        if old.shows == number:
            return self
        new = Channel(number, max(int(now), old.since + 1), old.shows)
        return replace(self, channels={**self.channels, channel: new})

    def with_written(self, number: int, one: Written, now: float) -> Pointer:
        """Return it with a snapshot written; where one of that number is shown, its files are of now."""
        if self.snapshots.get(number) == one:
            return self
        channels = {
            name: old._replace(since=max(int(now), old.since + 1)) if old.shows == number else old
            for name, old in self.channels.items()
        }
        return replace(
            self, channels=channels, snapshots={**self.snapshots, number: one}, newest=max(self.newest, number)
        )

    def without(self, numbers: Collection[int]) -> Pointer:
        """Return it without some snapshots."""
        left = {number: one for number, one in self.snapshots.items() if number not in numbers}
        return replace(self, snapshots=left)


def render_pointer(one: Pointer) -> bytes:
    """Return the document."""
    data = {
        "format": FORMAT,
        "serial": one.serial,
        "newest": one.newest,
        "channels": {name: each._asdict() for name, each in one.channels.items()},
        "snapshots": {
            str(number): {"extra": _listed(each.extra), "more": _pair(each.more) if each.more else []}
            for number, each in one.snapshots.items()
        },
        "beside": _listed(one.beside),
    }
    return json.dumps(sealed(data), sort_keys=True).encode() + b"\n"


def parse_pointer(data: bytes, what: str) -> Pointer:
    """Return what a site shows.

    Raises:
        StorageError: the document is damaged, of another format, or names what no site has.
    """
    try:
        table = Table(unsealed(data, what))
        if (found := table.text("format")) != FORMAT:
            raise StorageError(f"{what}: format {found!r} is not {FORMAT!r}", hint="use the cudepot that wrote it")
        channels, snapshots = table.table("channels"), table.table("snapshots")
        return Pointer(
            {_name(name): _channel(channels.table(name)) for name in channels.names()},
            {_number(text): _written(snapshots.table(text)) for text in snapshots.names()},
            table.integer("newest"),
            table.integer("serial"),
            _files(table.value_or("beside", {})),
        )
    except StorageError:
        raise
    except (CudepotError, TypeError, ValueError) as error:
        raise StorageError(f"{what}: not what cudepot wrote: {error}", hint=_HINT) from error


def rendered_files(files: Mapping[str, Digest]) -> bytes:
    """Return the document of files that a site has beyond what a snapshot's own document says."""
    return json.dumps(_listed(files), sort_keys=True).encode() + b"\n"


def parse_files(data: bytes, what: str) -> dict[str, Digest]:
    """Return these files; raise StorageError for what cudepot never writes."""
    try:
        return _files(json.loads(data))
    except (CudepotError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StorageError(f"{what}: not what cudepot wrote: {error}", hint=_HINT) from error


def _listed(files: Mapping[str, Digest]) -> dict[str, list[str | int]]:
    return {path: _pair(one) for path, one in files.items()}


def _pair(one: Digest) -> list[str | int]:
    return [one.sha256, one.size]


def _channel(table: Table) -> Channel:
    return Channel(table.integer("shows"), table.integer("since"), table.integer("before"))


def _written(table: Table) -> Written:
    more = table.value("more")
    return Written(_files(table.value("extra")), _digest(more) if more else None)


def _files(listed: object) -> dict[str, Digest]:
    if not isinstance(listed, Mapping):
        raise FormatError("files that are no table")
    return {_path(path): _digest(one) for path, one in listed.items()}


def _digest(one: object) -> Digest:
    match one:
        case [str(sha256), int(size)]:
            return Digest(sha256, size)
    raise FormatError(f"{one!r} is not a sha256 and a size")


def _path(path: str) -> str:
    if safe_name(path) != path:
        raise FormatError(f"{path!r} is not a plain path")
    return path


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FormatError(f"{name!r} is not a channel's name")
    return name


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18 or text != str(int(text)):
        raise FormatError(f"{text!r} is not a snapshot's number")
    return int(text)
