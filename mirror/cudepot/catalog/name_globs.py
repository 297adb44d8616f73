"""Names found by globs, and globs by names, by what comes before the first wildcard. Pure.

Thousands of pins on an index of thousands of names would otherwise be tens of millions of comparisons.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

_WILD = re.compile(r"[*?\[]")


def is_glob(text: str) -> bool:
    """Return whether a text stands for several names."""
    return bool(_WILD.search(text))


def fits(text: str, glob: str) -> bool:
    """Return whether a glob (or a plain text) stands for a text; plain ones need no pattern compiled for each."""
    return fnmatchcase(text, glob) if is_glob(glob) else text == glob


def _begin(glob: str) -> str:
    return _WILD.split(glob, maxsplit=1)[0]


class Names:
    """Names that are looked up by globs."""

    def __init__(self, names: Iterable[str]) -> None:
        self._sorted = sorted(names)

    def beginning(self, text: str) -> list[str]:
        """Return the names that begin with a text, sorted."""
        at = bisect_left(self._sorted, text)
        return list(itertools.takewhile(lambda one: one.startswith(text), self._sorted[at:]))

    def fitting(self, glob: str) -> list[str]:
        """Return the names a glob (or a plain name) stands for, sorted."""
        begin = _begin(glob)
        at, found = bisect_left(self._sorted, begin), []
        while at < len(self._sorted) and self._sorted[at].startswith(begin):
            if begin == glob and self._sorted[at] != glob:
                break
            if fits(self._sorted[at], glob):
                found.append(self._sorted[at])
            at += 1
        return found


class Globs:
    """Globs, and plain names among them, that are looked up by a name."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._plain: dict[str, list[int]] = {}
        self._wild: dict[str, list[tuple[int, str]]] = {}
        for number, glob in enumerate(globs):
            if is_glob(glob):
                self._wild.setdefault(_begin(glob), []).append((number, glob))
            else:
                self._plain.setdefault(glob, []).append(number)

    def fitting(self, name: str) -> list[int]:
        """Return the places, in order, of the globs that fit a name."""
        wild = [one for end in range(len(name) + 1) for one in self._wild.get(name[:end], ())]
        return sorted([*self._plain.get(name, ()), *(at for at, glob in wild if fnmatchcase(name, glob))])
