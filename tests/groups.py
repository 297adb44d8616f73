"""Which tests one worker runs, so that what takes long to make is made once, and not by each of three workers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
_SHARED = {
    "base": "debian",
    "real_conda": "conda",
    "browser": "showcase",
    "browsers": "showcase",
    "showcase": "showcase",
    "workers": "dask",
}
"""Fixtures of a whole session that take tens of seconds, and the group of those who use them."""


def group_of(item: pytest.Item) -> str:
    """Return the group that a test belongs to by what it uses; empty for one that any worker may run."""
    if not isinstance(item, pytest.Function) or any(item.iter_markers("xdist_group")):
        return ""
    for name, group in _SHARED.items():
        if name in item.fixturenames:
            return group
    place = getattr(item, "callspec", None)
    if place and re.search(r"\bradosgw\b", place.id):
        return "radosgw"
    known = item._fixtureinfo.name2fixturedefs
    made = [name for name in item.fixturenames if name in known and known[name][-1].scope == "module"]
    if not made:
        return ""
    which = [str(place.indices[name]) for name in made if place and name in place.indices]
    return "-".join([str(item.path.relative_to(_TESTS)), *which])
