"""What a target needs of uv's lock, and for which patch levels of Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from cudepot.errors import FormatError
from cudepot.kinds.wheels.rules.target import Target, machine
from cudepot.kinds.wheels.rules.uv_lock import parse_uv_lock
from cudepot.kinds.wheels.rules.walk import Walk

LINUX, WINDOWS = Target("linux-64", "3.12", "2.28"), Target("win-64", "3.12")
HEAD = """version = 1
requires-python = ">=3.11"

[[package]]
name = "cudepot-environment"
source = { virtual = "." }
dependencies = [%s]
"""


def package(name: str, *edges: str, version: str = "1", places: tuple[str, ...] = (), **extras: str) -> str:
    text = f'\n[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "u" }}\n'
    text += f"resolution-markers = {list(places)}\n" if places else ""
    text += f"dependencies = [{', '.join(edges)}]\n"
    if extras:
        text += "[package.optional-dependencies]\n" + "".join(f"{key} = [{one}]\n" for key, one in extras.items())
    return text


def edge(name: str, marker: str = "", **more: object) -> str:
    table = {"name": name} | ({"marker": marker} if marker else {}) | more
    return "{ " + ", ".join(f"{key} = {_toml(value)}" for key, value in table.items()) + " }"


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def walk(*packages: str, roots: str, target: Target = LINUX) -> Walk:
    return Walk(parse_uv_lock(HEAD % roots + "".join(packages)), target)


def needs(found: Walk) -> dict[str, str]:
    return {f"{name}=={version}": found.marker(need.levels) for (name, version), need in found.needs.items()}


LEVEL = st.builds(
    "python_full_version {} '3.12.{}'".format, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), st.integers(0, 9)
)
OTHER = st.sampled_from(("python_version >= '3.12'", "sys_platform == 'win32'", "python_full_version < '3.13.2'"))


@given(st.lists(st.tuples(LEVEL | OTHER, st.sampled_from(("and", "or"))), min_size=1, max_size=4))
def test_a_need_holds_where_the_marker_does(parts: list[tuple[str, str]]) -> None:
    text = " ".join(word for pair in parts for word in pair).rsplit(" ", 1)[0]
    found = walk(package("a"), roots=edge("a", text))
    for level in range(12):
        there = machine(LINUX, level)
        need = found.needs.get(("a", "1"))
        kept = found.marker(need.levels) if need else "python_version < '3'"
        assert (not kept or Marker(kept).evaluate(dict(there))) == Marker(text).evaluate(dict(there)), (text, kept)


def test_of_several_versions_the_one_that_is_meant_is_taken() -> None:
    both = (
        package("a", version="1", places=("sys_platform == 'win32'",)),
        package("a", version="2", places=("sys_platform == 'linux'", "sys_platform == 'darwin'")),
        package("b", edge("a", version="1")),
    )
    assert needs(walk(*both, roots=edge("a"))) == {"a==2": ""}
    assert needs(walk(*both, roots=edge("a"), target=WINDOWS)) == {"a==1": ""}
    assert needs(walk(*both, roots=edge("b"))) == {"b==1": "", "a==1": ""}


def test_extras_are_followed_where_they_are_asked_for() -> None:
    there = (
        package("a", more=edge("b"), all=edge("a", extra=["more"]) + ", " + edge("c")),
        package("b"), package("c"), package("d", edge("a", extra=["all"])),
    )  # fmt: skip
    assert needs(walk(*there, roots=edge("a"))) == {"a==1": ""}
    found = walk(*there, roots=edge("d"))
    assert set(needs(found)) == {"d==1", "a==1", "b==1", "c==1"}
    assert found.requires(found.needs["d", "1"]) == ("a[all]",)
    assert found.requires(found.needs["a", "1"]) == ("b", "c")


def test_who_wants_what_is_said_by_the_shortest_chain() -> None:
    found = walk(
        package("a", edge("b")), package("b", edge("c"), edge("a")), package("c", edge("d")), package("d"),
        roots=", ".join([edge("a"), edge("c", "python_full_version < '3.12.2'")]),
    )  # fmt: skip
    assert found.chain("b") == ["a", "b"]
    assert found.chain("d") == ["c", "d"]
    assert found.chain("a") == ["a"]


@pytest.mark.parametrize(
    ("packages", "roots"),
    [
        ((), edge("a")),
        ((package("a", version="1"), package("a", version="2")), edge("a")),
        ((package("a"),), edge("a", version="3")),
        ((package("cudepot-environment"),), edge("a")),
        ((package("a"),), edge("a", "platform_release > '5' and extra == 'x' and platform_version ~= '5'")),
    ],
)
def test_a_lock_that_does_not_hold_together_is_refused(packages: tuple[str, ...], roots: str) -> None:
    with pytest.raises(FormatError, match="uv's lock"):
        walk(*packages, roots=roots)


@pytest.mark.parametrize(
    "text", ["", "version = 2", "version = 1\npackage = 3", "[", 'version = 1\n[[package]]\nname = "../x"\nsource = {}']
)
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="uv's lock"):
        parse_uv_lock(text)
