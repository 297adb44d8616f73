"""All pins that match nothing are named at once."""

from __future__ import annotations

import pytest

from cudepot.errors import PinError
from cudepot.kinds.rules.unmatched import find_each


def find(name: str) -> str:
    if name.startswith("no"):
        raise PinError(f"pin {name!r} matches nothing", hint=f"hint of {name}", pins=(name,))
    if name.startswith("odd"):
        raise PinError("the names are odd")
    return name.upper()


def test_one_error_names_every_pin_without_a_match() -> None:
    assert find_each(find, ["a", "b"]) == ["A", "B"]
    with pytest.raises(PinError, match="pin 'no1' matches nothing; pin 'no2' matches nothing") as caught:
        find_each(find, ["a", "no1", "b", "no2"])
    assert caught.value.pins == ("no1", "no2")
    assert caught.value.hint == "hint of no1; hint of no2"


def test_hundreds_are_counted() -> None:
    with pytest.raises(PinError, match="and 92 more pins match nothing") as caught:
        find_each(find, [f"no{number}" for number in range(100)])
    assert len(caught.value.pins) == 100
    assert "no50" not in str(caught.value)


def test_another_error_is_raised_as_it_is() -> None:
    with pytest.raises(PinError, match=r"^the names are odd$"):
        find_each(find, ["no1", "odd"])
