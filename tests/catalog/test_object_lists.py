"""Lists of what snapshots name: whichever are kept, each names what its snapshot does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.catalog.site.object_lists import ObjectList, follow, for_those, parse_lists, render_lists
from cudepot.errors import CudepotError

NAMES = st.sets(st.sampled_from([f"{number:064x}:{number}" for number in range(6)]))


def _lists(trees: list[set[str]]) -> list[ObjectList]:
    before = [set[str](), *trees]
    return [
        ObjectList(number, "0" * 64 + ":1", "1" * 64 + ":2", "F" * 40, sorted(now - old), sorted(old - now), len(now))
        for number, (old, now) in enumerate(zip(before, trees, strict=False), 1)
    ]


@given(st.lists(NAMES, max_size=6), st.sets(st.integers(1, 6)))
def test_what_is_left_out_between_two_lists_is_in_the_second(trees: list[set[str]], kept: set[int]) -> None:
    named: set[str] = set()
    found = list(for_those(parse_lists(render_lists(_lists(trees))), kept))
    assert [one.snapshot for one in found] == [number for number in range(1, len(trees) + 1) if number in kept]
    for one in found:
        assert not set(one.came) & set(one.went)
        follow(named, one)
        assert named == trees[one.snapshot - 1]


@pytest.mark.parametrize("came", ["x", "0" * 64, "0" * 64 + ":1 ", "0" * 64 + ":-1", "0" * 63 + ":1"])
def test_a_name_that_is_none_is_refused(came: str) -> None:
    document = render_lists(_lists([set()]))
    document["lists"][0]["came"] = came
    with pytest.raises(CudepotError):
        parse_lists(document)
