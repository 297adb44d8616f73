"""Where in cudepot.toml a key is: every place that is named holds what a TOML parser has read there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from cudepot.catalog.config.places import line_and_column, places_of, pointed
from cudepot.catalog.config.template import render_template

ODD = """\
a.b = 1 # no "key" = here
"c d" . 'e' = [ 1, # one ]
  [2, "]"], { x = 'y,}', z = { w = 1979-05-27 07:32:00 } }, ]
long = \"\"\"
[[pin]] \\\" \"\"x\"\"\"\"\"
literal = '''it's''''

[t]
empty = []
none = {}
[t . "u"]
k = true
[[pin]]
upstream = "ubuntu"
[pin.sha256]
"x\\u0041.deb" = "00"
[[ pin ]]
packages = ["a", "b"]
[[pin.deep]]
n = -1e3
[[pin.deep]]
n = +inf
"""


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves(one, f"{path}[{number}]")
    else:
        yield path, value


def _check(text: str) -> int:
    places, leaves = places_of(text), list(_leaves(tomllib.loads(text)))
    for path, value in leaves:
        place = places[path]
        assert tomllib.loads(f"x = {text[place.start : place.end]}")["x"] == value, path
    return len(leaves)


def _examples() -> list[str]:
    docs = Path(__file__).parents[2] / "docs"
    pages = [page.read_text() for page in sorted(docs.glob("*.md"))]
    return [one for page in pages for one in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]


def test_every_value_is_where_it_is_said_to_be() -> None:
    assert _check(ODD) == 15
    assert _check(render_template(label="acme", key="A" * 40, gnupg="g")) > 3
    read = 0
    for text in _examples():
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            continue  # a fragment with dots for what is left out
        read += _check(text)
    assert read > 100


KEYS = st.text(st.characters(exclude_characters=".[", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=50)
@given(st.dictionaries(KEYS, st.recursive(st.text() | st.integers(), st.lists, max_leaves=9)))
def test_whatever_is_written_is_found(data: dict[str, object]) -> None:
    for multiline in (False, True):
        _check(tomli_w.dumps(data, multiline_strings=multiline))


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ("expected a string in 'pin[0].upstream', found 3", '"ubuntu"'),
        ("unknown key 'pin[1].packages'", "packages ="),
        ("expected a string in 'pin[1].packages[1]', found 3", '"b"'),
        ("expected a string in 'pin[1].upstream', found nothing", "[[ pin ]]"),
        ("expected an array of tables in 'long'", '"""'),
        ("'pin[0].sha256.xA.deb' is wrong", '"00"'),
        ("there is no upstream 'long', as 'pin[0].upstream' says", '"ubuntu"'),
    ],
)
def test_a_message_points_at_what_it_names(message: str, where: str) -> None:
    assert pointed(ODD, message) == line_and_column(ODD, ODD.index(where))


@pytest.mark.parametrize("message", ["two upstreams are named 'long'", "preset 'a/b' has no labels", "of 'x.y'"])
def test_a_message_that_names_nothing_of_the_file_points_nowhere(message: str) -> None:
    assert pointed(ODD, message) == ""
