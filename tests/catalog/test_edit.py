"""Editing cudepot.toml: two lists change, every other byte stays."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.catalog.config.edit import set_lists

TEXT = """\
# what we want
version = 1   # the first

[[upstream]]
preset = "nvidia/ubuntu2004/x86_64"   # ours

# --- the second ----
[[upstream]]
name = "b"
keys = [
    "aa aa",  # first, compared by two
    "BB",     # second
]
keyrings = ["x"]  # ring
# the end of b

[[pin]]
upstream = "b"   # and this
packages = ["p"]
"""


def test_a_list_that_is_not_there_goes_to_the_end_of_its_table() -> None:
    lines = set_lists(TEXT, 0, {"keys": ["K1", "K2"], "expired-keys": []}).splitlines()
    at = lines.index('preset = "nvidia/ubuntu2004/x86_64"   # ours')
    assert lines[at + 1] == 'keys = ["K1", "K2"]'
    assert "\n".join(lines[: at + 1] + lines[at + 2 :]) + "\n" == TEXT


def test_what_stays_keeps_its_spelling_and_its_comment() -> None:
    changed = set_lists(TEXT, 1, {"keys": ["aa aa", "CC"], "expired-keys": ["BB"]}, comment="since 2026-11-23")
    assert '"aa aa",  # first, compared by two' in changed
    assert "second" not in changed.replace("the second", "")
    assert '"CC", # since 2026-11-23' in changed
    assert '"BB", # since 2026-11-23' in changed
    for line in TEXT.splitlines():
        assert line in changed or "BB" in line


def test_a_change_that_changes_nothing_gives_the_same_bytes() -> None:
    assert set_lists(TEXT, 1, {"keys": ["aa aa", "BB"], "keyrings": ["x"], "expired-keys": []}) == TEXT


@pytest.mark.parametrize(
    "form",
    [
        'keys = ["a" ]',
        'keys = [\n  "a" ]',
        'keys = [ "a" # x\n ]',
        'keys = ["a"]',
        'keys = [\n  "a"\n]',
        "keys = [ 'a', ]",
        'keys = ["a",\n"b" # x\n]',
    ],
)
def test_any_way_to_write_a_list_is_understood(form: str) -> None:
    text = f'[[upstream]]\nname = "u"\n{form}\nurl = "x"\n'
    table = tomllib.loads(set_lists(text, 0, {"keys": ["a", "new"]}, comment="c"))["upstream"][0]
    assert (table["keys"], table["url"]) == (["a", "new"], "x")


_KEYS = st.lists(st.text("ABCDEF0123456789", min_size=1, max_size=4), unique=True, min_size=1, max_size=5)


@given(before=_KEYS, after=_KEYS, lines=st.booleans(), comment=st.sampled_from(["", "since x"]))
def test_the_result_says_exactly_what_was_asked(before: list[str], after: list[str], lines: bool, comment: str) -> None:
    listed = ",\n  ".join(f'"{one}"' for one in before) if lines else ", ".join(f'"{one}"' for one in before)
    text = f'# top\n[[upstream]]\nname = "u"\nkeys = [{listed}]  # tail\n\n# rest\n[[pin]]\nupstream = "u"\n'
    changed = set_lists(text, 0, {"keys": after}, comment=comment)
    assert set(tomllib.loads(changed)["upstream"][0]["keys"]) == set(after)
    assert changed.startswith("# top\n")
    assert changed.endswith('\n# rest\n[[pin]]\nupstream = "u"\n')
