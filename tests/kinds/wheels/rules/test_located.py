"""Where a file of an index is: below its URL as a path, else as a URL, and nowhere that is not asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import UpstreamError
from cudepot.kinds.wheels.rules import located as module
from cudepot.kinds.wheels.rules.located import located

INDEX = Upstream("pypi", "simple", "https://index.invalid/simple/")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://index.invalid/simple/a/a%2Bb.whl", "a/a+b.whl"),
        ("https://index.invalid/simple/../x.whl", "https://index.invalid/simple/../x.whl"),
        ("https://index.invalid/simple/%2e%2e/x.whl", "https://index.invalid/simple/%2e%2e/x.whl"),
        ("https://index.invalid/simple/x.whl?token=1", "https://index.invalid/simple/x.whl?token=1"),
        ("https://index.invalid/files/x.whl", "https://index.invalid/files/x.whl"),
        ("https://files.invalid/a%2Bb.whl", "https://files.invalid/a%2Bb.whl"),
        ("HTTPS://FILES.invalid/x.whl", "HTTPS://FILES.invalid/x.whl"),
    ],
)
def test_where_a_file_is(url: str, path: str) -> None:
    assert located(INDEX, url) == path


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x", "https://user@h/x", "https://u:p@index.invalid/simple/x", "https:///x",
            "x", "https://h/\x1b[2J"],
)  # fmt: skip
def test_nowhere_else(url: str) -> None:
    with pytest.raises(UpstreamError):
        located(INDEX, url)


@given(st.from_regex(module._USUAL, fullmatch=True))
def test_what_looks_usual_is_what_it_would_be_taken_apart(url: str) -> None:
    plain = module._USUAL
    try:
        module._USUAL = module.re.compile("(?!)")
        try:
            slow = located(INDEX, url)
        except UpstreamError:
            slow = ""
    finally:
        module._USUAL = plain
    assert located(INDEX, url) == slow
