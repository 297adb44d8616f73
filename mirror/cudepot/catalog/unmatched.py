"""Looks for every pin before it gives up, so that one error names all pins that match nothing."""

from __future__ import annotations

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


def _joined(errors: list[PinError]) -> PinError:
    if len(errors) == 1:
        return errors[0]
    texts = [str(one) for one in errors[:_SHOWN]]
    texts += [f"and {len(errors) - _SHOWN} more pins match nothing"] if len(errors) > _SHOWN else []
    hints = dict.fromkeys(one.hint for one in errors[:_SHOWN] if one.hint)
    pins = tuple(pin for one in errors for pin in one.pins)
    return PinError("; ".join(texts), hint="; ".join(hints), pins=pins)
