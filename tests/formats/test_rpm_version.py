"""Order of rpm versions, compared with rpm itself."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.process import run

from cudepot.formats.rpm_version import evr, key, part_key, split_evr

TRICKY = """1 1.0 1.0. 01 1.a 1a a1 a 1~ 1~rc1 1~~ 1^ 1^git 1^~ 1.0^20210101 1_1 1.0010 1.9 1.10 ~ ^ A
            99999999999999999999999999999999999 1.el8 1.el8_4 8.0.5.39 1.cuda11.1 1.cuda9.2"""


def rpm_says(pairs: list[tuple[str, str]]) -> list[int]:
    """Return rpm's own comparison of each pair, in one run."""
    calls = ",".join(f'rpm.vercmp("{one}","{other}")' for one, other in pairs)
    return [int(one) for one in run("rpm", "--eval", f"%{{lua:print({calls})}}").stdout.split()]


def sign(one: object, other: object) -> int:
    return (one > other) - (one < other)  # type: ignore[operator]


def differences(pairs: list[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    said = rpm_says(pairs)
    return [(pair, one) for pair, one in zip(pairs, said, strict=True) if sign(*map(part_key, pair)) != one]


@pytest.mark.tools
def test_tricky_versions_are_ordered_as_rpm_orders_them() -> None:
    for one in TRICKY.split():
        assert not differences([(one, other) for other in TRICKY.split()])


parts = st.text("019aZ.~^_+", min_size=1, max_size=8)


@pytest.mark.tools
@settings(max_examples=12, deadline=None, report_multiple_bugs=False)
@given(st.lists(st.tuples(parts, parts), min_size=40, max_size=60))
def test_any_versions_are_ordered_as_rpm_orders_them(pairs: list[tuple[str, str]]) -> None:
    assert not differences(pairs)


def test_epoch_comes_before_version_and_version_before_release() -> None:
    rising = ["1-9", "2-1", "2-10", "2.1-1", "1:1-1", "1:1-2", "10:0-0"]
    assert all(key(one) < key(other) for one, other in itertools.pairwise(rising))
    assert key("0:1-1") == key("1-1")


def test_an_evr_is_put_together_and_taken_apart() -> None:
    assert evr("0", "1", "2") == "1-2"
    assert evr("3", "1", "") == "3:1"
    assert split_evr("3:1-2") == ("3", "1", "2")
    assert split_evr("1") == ("0", "1", "")
