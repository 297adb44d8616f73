"""Which module streams are active: of several ways in which one may be met, the one that can be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cudepot.errors import PinError
from cudepot.kinds.yum.rules.streams import Asked, Modules


def module(name: str, stream: str, *ways: dict[str, list[str]], version: int = 1) -> dict[str, Any]:
    needs = [{"requires": one} for one in ways]
    data = {"name": name, "stream": stream, "version": version, "dependencies": needs}
    return {"document": "modulemd", "version": 2, "data": data}


def active(*documents: dict[str, Any], asked: str = "app") -> dict[str, str]:
    text = "".join(f"---\n{json.dumps(one)}\n" for one in documents)
    found = Modules([("modules", text.encode())]).active([Asked(asked, "1", "")], "el9")
    return {one.name: one.stream for one in found.streams}


RUNTIME = module("runtime", "2", {"platform": ["el9"]})


@pytest.mark.parametrize(
    "other",
    [{"platform": ["el8"]}, {"platform": ["el9"], "gone": []}, {"platform": ["el9"], "runtime": ["1"]}],
)
def test_the_alternative_that_can_be_met_counts(other: dict[str, list[str]]) -> None:
    good = {"platform": ["el9"], "runtime": ["2"]}
    assert active(module("app", "1", other, good), RUNTIME) == {"app": "1", "runtime": "2"}
    assert active(module("app", "1", good, other), RUNTIME) == {"app": "1", "runtime": "2"}


def test_an_older_version_counts_where_the_newest_cannot_be_met() -> None:
    newest = module("app", "1", {"gone": []}, version=2)
    assert active(newest, module("app", "1", {"runtime": []}), RUNTIME)["runtime"] == "2"


@pytest.mark.parametrize(("way", "why"), [({"platform": ["el8"]}, "is for platform el8"), ({"gone": ["3"]}, "gone:3")])
def test_where_none_can_be_met_it_is_said_why(way: dict[str, list[str]], why: str) -> None:
    with pytest.raises(PinError, match=why):
        active(module("app", "1", way, {"gone": ["4"]}), RUNTIME)
