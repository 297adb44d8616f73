"""Patches: small where little changed, however large the editions; what is no patch is refused."""

from __future__ import annotations

import hashlib
import io

import pytest

from cudepot.errors import FormatError
from cudepot.formats.patch import patch, patched


def edition(count: int, *changed: int) -> bytes:
    """Return a list of hashes, as the document of a snapshot is."""
    seeds = (f"{number}{'x' * (number in changed)}" for number in range(count))
    return "".join(f'"{hashlib.sha256(one.encode()).hexdigest()}": {one},\n' for one in seeds).encode()


@pytest.mark.parametrize("count", [0, 1, 200, 120_000])
def test_a_patch_gives_the_new_edition_and_is_small_at_any_size(count: int) -> None:
    old, new = edition(count), edition(count + 1, 0, count // 2)
    made = patch(old, new)
    assert patched(old, io.BytesIO(made), "patch", limit=len(new)).read() == new
    assert len(made) < 300 + len(new) // 1000


def test_more_than_was_promised_is_refused() -> None:
    old, new = edition(20), edition(21)
    with pytest.raises(FormatError, match="more bytes than allowed"):
        patched(old, io.BytesIO(patch(old, new)), "patch", limit=len(new) - 1).read()


def test_a_patch_of_something_else_never_gives_what_it_was_made_for() -> None:
    old, new = edition(200), edition(201)
    try:
        found = patched(old[::-1], io.BytesIO(patch(old, new)), "patch", limit=len(new)).read()
    except FormatError:
        return
    assert found != new
