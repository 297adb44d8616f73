"""What a store's site shows, as a document: only what cudepot writes is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cudepot.catalog.site.pointer import Channel, Pointer, Written, parse_pointer, render_pointer
from cudepot.digest import Digest
from cudepot.errors import StorageError
from cudepot.sealed import sealed

ONE, TWO = Digest.of(b"x"), Digest.of(b"y")
GOOD = Pointer({"dev": Channel(1, 5)}, {1: Written({"snapshot.json": ONE}, TWO)}, 1, 3, {"told": ONE})


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "cudepot-site 2"}, {"channels": {"../x": {"shows": 1, "since": 1, "before": 0}}},
        {"channels": {"dev": {"shows": -1, "since": 1, "before": 0}}}, {"channels": []}, {"snapshots": {"01": {}}},
        {"snapshots": {"1": {"extra": {"../../etc/passwd": ["0" * 64, 1]}, "more": []}}},
        {"snapshots": {"1": {"extra": {"a": ["0" * 63, 1]}, "more": []}}},
        {"snapshots": {"1": {"extra": {"a": ["0" * 64, -1]}, "more": []}}},
        {"snapshots": {"1": {"extra": [], "more": []}}},
        {"snapshots": {"1": {"extra": {}, "more": "x"}}}, {"newest": "1"}, {"serial": None},
        {"beside": {"/a": ["0" * 64, 1]}},
    ],
)  # fmt: skip
def test_a_pointer_from_outside_is_checked(changed: dict[str, Any]) -> None:
    whole = json.loads(render_pointer(GOOD))
    assert parse_pointer(render_pointer(GOOD), "it") == GOOD
    with pytest.raises(StorageError, match=r"^it: "):
        parse_pointer(json.dumps(sealed(whole | changed)).encode(), "it")
    with pytest.raises(StorageError, match="was changed"):
        parse_pointer(json.dumps(whole | changed).encode(), "it")


def test_dates_of_a_channel_only_grow() -> None:
    """apt asks by date alone: going back, within one second or by a clock that is wrong, has to be seen."""
    there = {1: Written({}), 2: Written({})}
    first = Pointer(snapshots=there).switched("dev", 1, 100.5)
    second = first.switched("dev", 2, 100.9)
    third = second.switched("dev", 1, 50)
    assert [one.channels["dev"].since for one in (first, second, third)] == [100, 101, 102]
    assert third.channels["dev"].before == 2
    assert third.with_written(1, Written({"a": Digest.of(b"")}), 0).channels["dev"].since == 103
    assert first.switched("dev", 1, 200) == first
