"""Pins that match nothing: all are looked for before one error names them, with the spelling that was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from cudepot.errors import PinError

_Wanted = TypeVar("_Wanted")
_Found = TypeVar("_Found")
_SHOWN = 8  # pins named with their hints; of a hundred misspelt ones the rest is counted


def find_each(find: Callable[[_Wanted], _Found], wanted: Iterable[_Wanted]) -> list[_Found]:
    """Return what ``find`` gives for each pin, in order.

    Raises:
        PinError: some match nothing; it names all of them. Any other PinError is raised as it is.
    """
    found, errors = [], []
    for one in wanted:
        try:
            found.append(find(one))
        except PinError as error:
            if not error.pins:
                raise
            errors.append(error)
    if errors:
        raise _joined(errors)
    return found


def spelled(asked: str, versions: Iterable[str]) -> str:
    """Return how a version that nobody has is written there: the version itself, or a glob over its rest.

    Epochs may be left out, and a deb's ``+`` and an rpm's ``.`` before the CUDA variant are one.

    Args:
        asked: the version as somebody wrote it.
        versions: those that are there, the newest last.

    Returns:
        A version or glob that fits at least one of them; empty when none comes near.
    """
    plain, found = _plain(asked), ""
    for one in versions:
        epoch, rest = one[: -len(one.partition(":")[2])] if ":" in one else "", _plain(one)
        if plain and rest == plain:
            return one
        if plain and rest.startswith(plain) and rest[len(plain)] in ".-":
            end = len(epoch) + len(plain) + 1
            found = f"{one[:end]}*"
    return found


def _plain(version: str) -> str:
    """Return a version without epoch, its separators made alike, character for character."""
    return re.sub(r"[+~_]", ".", version.strip(" =").rpartition(":")[2])


def _joined(errors: list[PinError]) -> PinError:
    if len(errors) == 1:
        return errors[0]
    texts = [str(one) for one in errors[:_SHOWN]]
    texts += [f"and {len(errors) - _SHOWN} more pins match nothing"] if len(errors) > _SHOWN else []
    hints = dict.fromkeys(one.hint for one in errors[:_SHOWN] if one.hint)
    pins = tuple(pin for one in errors for pin in one.pins)
    return PinError("; ".join(texts), hint="; ".join(hints), pins=pins)
