"""Debian version order, against the real dpkg."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cudepot.errors import FormatError
from cudepot.formats import version

NASTY = [
    "0", "1", "1.0", "1.0.0", "1.00", "01", "1.0-0", "1.0-1", "1.0-1ubuntu1", "1.0-1+b1", "1.0~", "1.0~~", "1.0~rc1",
    "1.0~rc1-1", "1.0a", "1.0+", "1.0+a", "1.0.a", "1:0", "0:1", "1:0~", "1.0--1", "1.0-1-1", "1.0-a-1", "2:1.0-1",
    "8.0.5.39-1+cuda11.1", "8.0.5.39-1+cuda10.2", "8.0.5.39-1+cuda11.10", "9.12.0.46-1", "10", "1a", "1A", "1z1",
    "1.", "1.~", "1.0-1~", "1.0-1~bpo9+1", "000000000000000000000012", "99999999999999999999999999",
]  # fmt: skip
TEXT = st.text("019az.+~-", max_size=7).map(lambda text: "1" + text.rstrip("-"))
VERSIONS = st.one_of(TEXT, st.tuples(st.integers(0, 2), TEXT).map(lambda one: f"{one[0]}:{one[1]}"))
OPERATORS = ["<<", "<=", "=", ">=", ">>"]

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is not installed")


def dpkg(one: str, operator: str, other: str) -> bool:
    """Ask the real dpkg."""
    word = {"<<": "lt", "<=": "le", "=": "eq", ">=": "ge", ">>": "gt"}[operator]
    argv = ["dpkg", "--compare-versions", one, word, other]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.tools
@needs_dpkg
def test_nasty_versions_sort_as_dpkg_sorts_them() -> None:
    ordered = sorted(NASTY, key=version.key)
    for one, other in itertools.pairwise(ordered):
        order = version.compare(one, other)
        assert dpkg(one, "<<" if order < 0 else "=", other), (one, other)


@pytest.mark.tools
@needs_dpkg
@settings(max_examples=200, deadline=None)
@given(VERSIONS, VERSIONS, st.sampled_from(OPERATORS))
def test_relations_hold_as_dpkg_says(one: str, other: str, operator: str) -> None:
    assert version.satisfies(one, operator, other) == dpkg(one, operator, other)


@given(VERSIONS, VERSIONS)
def test_the_order_has_two_sides(one: str, other: str) -> None:
    forth, back = version.compare(one, other), version.compare(other, one)
    assert (forth > 0, forth == 0) == (back < 0, back == 0)
    assert version.compare(one, one) == 0


@given(st.lists(VERSIONS, max_size=8))
def test_sorting_does_not_depend_on_where_one_starts(many: list[str]) -> None:
    turned = many[::-1]
    forth, back = sorted(many, key=version.key), sorted(turned, key=version.key)
    assert all(version.compare(one, other) == 0 for one, other in zip(forth, back, strict=True))


def test_old_spellings_of_operators_include_equality() -> None:
    assert version.satisfies("1", "<", "1")
    assert version.satisfies("1", ">", "1.0-0") is False
    assert version.satisfies("1", ">", "1")
    assert version.satisfies("1", "", "")


@pytest.mark.parametrize("text", ["", "a b", "1_0", "x:1", "1;0", "1\n2", "1/2", "ü", "1-", ":1", "1:", "²:1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        version.parse(text)


def test_the_revision_is_behind_the_last_dash() -> None:
    assert version.parse("2:1.0-rc-3") == (2, "1.0-rc", "3")
    assert version.parse("1.0") == (0, "1.0", "")
