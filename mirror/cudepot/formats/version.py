"""Order of Debian versions, as dpkg compares them.

Source: Debian Policy section 5.6.12 and deb-version(7).
"""

from __future__ import annotations

import functools
import operator
import re
from typing import Any

from cudepot.errors import FormatError

_VALID = re.compile(r"(?:([0-9]{1,10}):|(?!.*:))([A-Za-z0-9.+~:-]*[A-Za-z0-9.+~:])")
_PIECES = re.compile(r"(\D*)(\d*)")
_Weight = int | tuple[int, str]
Key = tuple[int, tuple[_Weight, ...], tuple[_Weight, ...]]

HOLDS: dict[str, Any] = {
    "<<": operator.lt,
    "<=": operator.le,
    "<": operator.le,  # deprecated spellings, deb-control(5)
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.ge,
    ">>": operator.gt,
}
"""Operator of a relation → what says of two keys whether it holds."""


@functools.lru_cache(maxsize=16384)
def parse(version: str) -> tuple[int, str, str]:
    """Split a version into epoch, upstream version and revision (``""`` when there is none)."""
    found = _VALID.fullmatch(version.strip())
    if not found:
        raise FormatError(f"not a Debian version: {version[:80]!r}")
    upstream, dash, revision = found[2].rpartition("-")
    return int(found[1] or 0), *((upstream, revision) if dash else (found[2], ""))


@functools.lru_cache(maxsize=65536)
def key(version: str) -> Key:
    """Return the sort key of a version: keys compare as the versions do.

    Raises:
        FormatError: it is no version.
    """
    epoch, upstream, revision = parse(version)
    return epoch, _key_of_part(upstream), _key_of_part(revision)


def compare(one: str, other: str) -> int:
    """Return a number below, equal to or above zero, as ``one`` sorts before, with or after ``other``."""
    first, second = key(one), key(other)
    return (first > second) - (first < second)


def satisfies(version: str, operator: str, bound: str) -> bool:
    """Return whether ``version`` is in the relation ``<< <= = >= >>`` to ``bound`` (none: always)."""
    return not operator or HOLDS[operator](key(version), key(bound))


def _key_of_part(text: str) -> tuple[_Weight, ...]:
    """Return texts and numbers in turn, as weights; the last text is the empty one at the end.

    A number is known by its length, then its digits: ``int`` would refuse thousands of them.
    """
    found: list[_Weight] = []
    for letters, digits in _PIECES.findall(text)[:-1] or [("", "")]:
        number = digits.lstrip("0")
        found += [*map(_weight, letters), 0, (len(number), number)]
    return (*found, 0)


def _weight(character: str) -> int:
    """A tilde sorts before the end (0), the end before letters, letters before everything else."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
