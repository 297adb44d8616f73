"""What every archive reader gives: one stream of members, names made safe before anyone sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cudepot.paths import safe_name

__all__ = ["Member", "Members", "safe_name"]


@dataclass(frozen=True, slots=True)
class Member:
    """One file or symbolic link of an artifact (directories are not members).

    Attributes:
        name: relative POSIX path without ``.``, ``..`` or a leading slash.
        size: bytes; 0 for a link.
        link: target of a symbolic link, as stored; empty for a regular file.
        executable: whether an execute bit is set.
    """

    name: str
    size: int
    link: str = ""
    executable: bool = False


Members = Iterator[tuple[Member, BinaryIO | None]]
"""Members in archive order with a stream that is valid until the next one is asked for (None for a link)."""
