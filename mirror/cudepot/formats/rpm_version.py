"""The order of rpm versions, as keys that Python compares.

Source: rpm's ``rpmvercmp.cc`` and ``docs/man/rpm-version.7``: digits and letters are compared piece by piece, all else
only separates; ``~`` is before the end, ``^`` right behind it.
"""

from __future__ import annotations

import functools
import re

_PIECE = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_TILDE, _END, _CARET, _LETTERS, _DIGITS = range(5)

Key = tuple[tuple[int, str], ...]


def evr(epoch: str, version: str, release: str) -> str:
    """Return ``EPOCH:VERSION-RELEASE``, without an epoch of 0 and without an empty release."""
    return f"{f'{epoch}:' if epoch not in ('', '0') else ''}{version}{f'-{release}' if release else ''}"


def split_evr(text: str) -> tuple[str, str, str]:
    """Return epoch (``0`` where there is none), version and release."""
    epoch, colon, rest = text.partition(":")
    version, _, release = (rest if colon else text).partition("-")
    return (epoch or "0") if colon else "0", version, release


@functools.lru_cache(maxsize=4096)
def key(text: str) -> tuple[Key, Key, Key]:
    """Return the key of an EVR: of two, the later one has the greater key."""
    epoch, version, release = split_evr(text)
    return part_key(epoch), part_key(version), part_key(release)


def part_key(text: str) -> Key:
    """Return the key of a version or of a release alone."""
    return (*(_piece(one) for one in _PIECE.findall(text)), (_END, ""))


def _piece(text: str) -> tuple[int, str]:
    if text[0] in "~^":
        return (_TILDE if text == "~" else _CARET), ""
    digits = text.lstrip("0")  # not as a number: there is no limit to their count
    return (_DIGITS, f"{len(digits):09d}{digits}") if text[0].isdigit() else (_LETTERS, text)
