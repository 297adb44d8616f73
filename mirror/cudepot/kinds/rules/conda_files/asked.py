"""What such a file asks for, as values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Line(NamedTuple):
    """Something that a file says, and where.

    Attributes:
        text: as it is written there: a match spec, a channel, a requirement of pip.
        where: ``FILE:LINE``.
        platform: on which alone it holds; empty for all.
        channel: that a match spec names; empty for any.
    """

    text: str
    where: str
    platform: str = ""
    channel: str = ""


class Pinned(NamedTuple):
    """A package that a lock names.

    Attributes:
        channel: URL of its channel, without a slash at the end.
        subdir: it is in there.
        filename: of the package.
        where: ``FILE:LINE``.
        platform: it is for.
        md5, sha256: what the lock says it is; empty where it does not.
    """

    channel: str
    subdir: str
    filename: str
    where: str
    platform: str = ""
    md5: str = ""
    sha256: str = ""


class FileAsked(NamedTuple):
    """What a file asks for.

    Attributes:
        specs: match specs.
        pinned: packages that are locked.
        channels: they come from, the first first.
        platforms: it is for; None where that is not said.
        pip: requirements that are met by wheels.
        notes: what was not followed, a line each.
    """

    specs: tuple[Line, ...] = ()
    pinned: tuple[Pinned, ...] = ()
    channels: tuple[Line, ...] = ()
    platforms: tuple[str, ...] | None = None
    pip: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()


def everywhere(lines: Iterable[Line], platforms: Iterable[str]) -> tuple[Line, ...]:
    """Return lines, those once and for all platforms that stand there for each of these."""
    wanted, there = set(platforms), dict[tuple[str, str], dict[str, Line]]()
    for one in lines:
        there.setdefault((one.text, one.channel), {})[one.platform] = one
    found: list[Line] = []
    for each in there.values():
        first = next(iter(each.values()))
        found += [first._replace(platform="")] if "" in each or wanted <= each.keys() else each.values()
    return tuple(found)
