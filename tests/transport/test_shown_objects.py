"""Which piece of an object a client asks for."""

from __future__ import annotations

import pytest

from cudepot.transport.shown_objects import wanted_range


@pytest.mark.parametrize(
    ("asked", "piece"),
    [
        ("", None), ("bytes=0-", (0, 10)), ("bytes=2-5", (2, 6)), ("bytes=2-99", (2, 10)), ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)), ("bytes=-0", (10, 10)), ("bytes=10-", (10, 10)), ("bytes=5-2", None),
        ("bytes=0-1,3-4", None), ("lines=0-1", None), ("bytes=a-b", None), ("bytes=-", None),
    ],
)  # fmt: skip
def test_ranges(asked: str, piece: tuple[int, int] | None) -> None:
    assert wanted_range(asked, 10) == piece
