"""What a server gives that was asked for the rest of a file: RFC 9110 sections 14.2, 14.4, 15.3.7 and 15.5.17."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*", re.IGNORECASE)
_NONE = re.compile(r"\s*bytes\s+\*/(\d{1,18})\s*", re.IGNORECASE)
UNSATISFIABLE = 416


class Served(NamedTuple):
    """What is served of a file: from which byte on, up to which (-1: the end), and of how many (-1: not told)."""

    start: int
    end: int = -1
    total: int = -1

    @property
    def is_short(self) -> bool:
        """Whether the server stops before the end of the file, as it may."""
        return 0 <= self.end < self.total


def served(status: int, headers: Mapping[str, str], offset: int) -> Served | None:
    """Return what an answer to a request for the bytes from ``offset`` on gives.

    Returns:
        None where nothing can be made of it: bytes from somewhere behind ``offset``, or nobody says from where. The
        file is to be asked for whole then.
    """
    content = headers.get("Content-Range", "")
    if status == UNSATISFIABLE:
        found = _NONE.fullmatch(content)
        return Served(offset, offset, offset) if found and int(found[1]) == offset else None  # nothing was left
    if status != 206:
        return Served(0)
    found = _RANGE.fullmatch(content)
    if found is None or headers.get("Content-Type", "").lower().startswith("multipart/byteranges"):
        return None
    start, last, total = int(found[1]), int(found[2]), -1 if found[3] == "*" else int(found[3])
    return Served(start, last + 1, total) if start <= offset <= last and (total < 0 or last < total) else None
