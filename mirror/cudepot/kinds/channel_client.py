"""Writes configuration for clients that see the site and nothing else: what those of conda and of Python share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.ecosystems import ENVIRONMENTS
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.errors import ConfigError
from cudepot.user_files import write_user_files


@dataclass(frozen=True, slots=True)
class ChannelClient:
    """What was written: ``files`` below ``folder``, for clients of snapshot ``number``."""

    folder: str
    files: tuple[str, ...]
    number: int
    channel: str = ""


def check_shown(snapshot: Snapshot, folder: str, what: str, kind: str) -> None:
    """Raise ConfigError when a snapshot has nothing below a folder of the site.

    Args:
        snapshot: the snapshot.
        folder: of the site, ending in a slash.
        what: what people call that.
        kind: the output of a pin that fills it.
    """
    if not any(path.startswith(folder) for path in snapshot.tree):
        raise ConfigError(
            f"the site has no {what}",
            hint=f'pin an artifact with `recipe = "cudnn"` and `outputs = ["{kind}"]`, then run lock, sync, repackage '
            "and publish",
        )


def check_environment(snapshot: Snapshot, environment: str, folder: str) -> None:
    """Raise ConfigError when a snapshot shows no packages of an environment in such a folder.

    Args:
        snapshot: the snapshot.
        environment: its name.
        folder: of its index, ``environments/NAME/ROOM/``.
    """
    room = folder.split("/")[2]
    paths = (path.split("/", 3) for path in snapshot.tree if path.startswith(f"{ENVIRONMENTS}/"))
    there = {one[1] for one in paths if one[2] == room}
    if environment not in there:
        raise ConfigError(
            f"the site has no environment {environment!r}", hint=f"it has {', '.join(sorted(there)) or 'none'}"
        )


def written(output: Path, files: Mapping[str, bytes], snapshot: Snapshot, channel: str = "") -> ChannelClient:
    """Write files below a folder; return what was written."""
    write_user_files(output, files)
    return ChannelClient(str(output), tuple(files), snapshot.number, channel)
