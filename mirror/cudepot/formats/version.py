"""Order of Debian versions, as dpkg compares them.

Source: Debian Policy section 5.6.12 and deb-version(7).
"""

from __future__ import annotations

import functools
import itertools
import re

from cudepot.errors import FormatError

_VALID = re.compile(r"(?:([0-9]+):|(?!.*:))([A-Za-z0-9.+~:-]*[A-Za-z0-9.+~:])")
_PIECES = re.compile(r"(\D*)(\d*)")


@functools.lru_cache(maxsize=16384)
def parse(version: str) -> tuple[int, str, str]:
    """Split a version into epoch, upstream version and revision (``""`` when there is none)."""
    found = _VALID.fullmatch(version.strip())
    if not found:
        raise FormatError(f"not a Debian version: {version[:80]!r}")
    upstream, dash, revision = found[2].rpartition("-")
    return int(found[1] or 0), *((upstream, revision) if dash else (found[2], ""))


def compare(one: str, other: str) -> int:
    """Return a number below, equal to or above zero, as ``one`` sorts before, with or after ``other``."""
    first, second = parse(one), parse(other)
    if first[0] != second[0]:
        return first[0] - second[0]
    return _compare_part(first[1], second[1]) or _compare_part(first[2], second[2])


key = functools.cmp_to_key(compare)
"""Sort key for version strings."""


def satisfies(version: str, operator: str, bound: str) -> bool:
    """Tell whether ``version`` stands in the relation ``<< <= = >= >>`` to ``bound`` (none: always)."""
    if not operator:
        return True
    order = compare(version, bound)
    return {
        "<<": order < 0,
        "<=": order <= 0,
        "<": order <= 0,  # deprecated spellings, deb-control(5)
        "=": order == 0,
        ">=": order >= 0,
        ">": order >= 0,
        ">>": order > 0,
    }[operator]


def _compare_part(one: str, other: str) -> int:
    if one == other:
        return 0
    pairs = itertools.zip_longest(_PIECES.findall(one), _PIECES.findall(other), fillvalue=("", ""))
    for (text, digits), (other_text, other_digits) in pairs:
        order = _compare_text(text, other_text) or int(digits or 0) - int(other_digits or 0)
        if order:
            return order
    return 0


def _compare_text(one: str, other: str) -> int:
    for a, b in itertools.zip_longest(one, other, fillvalue=""):
        if a != b:
            return _weight(a) - _weight(b)
    return 0


def _weight(character: str) -> int:
    """A tilde sorts before the end, the end before letters, letters before everything else."""
    if character == "~":
        return -1
    if not character:
        return 0
    return ord(character) if character.isalpha() else ord(character) + 256
