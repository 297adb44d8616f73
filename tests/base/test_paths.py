"""No name that comes from outside leads out of its folder."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cudepot.errors import FormatError
from cudepot.paths import safe_name

PIECES = st.lists(st.sampled_from(["..", ".", "", "a", "b.deb", "...", "..a", "\\", "\0", "\n", "%2e%2e", "~"]))


@given(st.one_of(PIECES.map("/".join), st.text(max_size=30)))
@example("../x")
@example("a/../../x")
@example("/etc/x")
@example("a/..")
def test_no_name_escapes(name: str) -> None:
    try:
        safe = safe_name(name)
    except FormatError:
        return
    joined = posixpath.normpath(posixpath.join("/base", safe))
    assert joined.startswith("/base/")
    assert joined == posixpath.join("/base", safe)
    assert not any(ord(one) < 32 for one in safe)
    assert safe_name(safe) == safe


@pytest.mark.parametrize("name", ["", ".", "./", "..", "/", "//x", "a/../b", "a\\..\\b", "a\nb", "a\x7f"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(FormatError):
        safe_name(name)


@pytest.mark.parametrize(
    ("name", "safe"), [("./x", "x"), ("a//b", "a/b"), ("a/./b", "a/b"), ("a..b", "a..b"), ("libcudnn8_1+c~.deb",) * 2]
)
def test_good_names_are_normalised(name: str, safe: str) -> None:
    assert safe_name(name) == safe
