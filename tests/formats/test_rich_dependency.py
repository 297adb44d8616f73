"""Rich dependencies: what they speak of, and what is lacking where only some of it is offered."""

from __future__ import annotations

import pytest

from cudepot.errors import FormatError
from cudepot.formats.rich_dependency import Rich, parse_rich


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a and b)", Rich("and", ("a", "b"))),
        ("(a if b else c)", Rich("if", ("a", "b", "c"))),
        ("(libc.so.6()(64bit) or b)", Rich("or", ("libc.so.6()(64bit)", "b"))),
        ("((a or b) with c)", Rich("with", (Rich("or", ("a", "b")), "c"))),
        ("(a >= 1:2-3 with a < 4)", Rich("with", ("a >= 1:2-3", "a < 4"))),
        ("(x(y) if (a and b))", Rich("if", ("x(y)", Rich("and", ("a", "b"))))),
        ("(a)", Rich("and", ("a",))),
    ],
)
def test_rich_dependencies_are_taken_apart(text: str, expected: Rich) -> None:
    assert parse_rich(text) == expected


@pytest.mark.parametrize("text", ["", "a", "(a", "(a and b", "(a) b", "(>= 1)", "(a >=", "(" * 5000])
def test_malformed_ones_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_rich(text)


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("(a and x)", {"x"}),
        ("(a or x)", set()),
        ("(x or y)", {"x", "y"}),
        ("(a if x)", set()),
        ("(x if a)", {"x"}),
        ("(a unless x)", set()),
        ("(a without x)", set()),
        ("(x >= 2 with a)", {"x >= 2"}),
        ("((a or x) and (y if a))", {"y"}),
    ],
)
def test_what_is_lacking_comes_from_elsewhere(text: str, lacking: set[str]) -> None:
    assert parse_rich(text).lacking(lambda name: name in "ab") == lacking


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("(a if x)", "a"),
        ("(a if b else x)", "(a if b else x)"),
        ("(a >= 2 if x else b)", "a >= 2"),
        ("((a if x) and (b or x))", "(a and (b or x))"),
        ("(a or b or x)", "(a or b or x)"),
        ("(a unless x)", "(a unless x)"),
    ],
)
def test_conditions_on_what_a_machine_may_have_count_as_met(text: str, settled: str) -> None:
    assert str(parse_rich(text).settled(lambda name: name in "ab")) == settled
