"""What every archive reader gives: one stream of members, names made safe before anyone sees them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cudepot.errors import FormatError


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


def safe_name(name: str) -> str:
    """Return ``name`` as a relative POSIX path; raise FormatError when it could leave its folder.

    ``./x`` and ``x//y`` are normalised; absolute names, ``..``, backslashes, NUL and other control characters
    are refused.
    """
    if not name or name.startswith("/") or "\\" in name or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise FormatError(f"unsafe path {name[:200]!r}", hint="the file may be hostile: do not use it")
    if ".." in name.split("/"):
        raise FormatError(f"path {name[:200]!r} leaves its folder", hint="the file may be hostile: do not use it")
    clean = posixpath.normpath(name)
    if clean == ".":
        raise FormatError(f"path {name!r} names no file")
    return clean
