"""``[[environment]]`` of cudepot.toml: what is read, what is refused, and where the fault is."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from tests.parsed import parse_config

from cudepot.catalog.config.environments import Environment
from cudepot.errors import ConfigError
from cudepot.kinds.wheels.environment import Wanted

WHOLE = """
[[environment]]
name = "train"
platforms = ["linux-64", "win-64"]
python = ["3.11", "3.12.4"]
glibc = "2.35"
cuda = 13
max-size = "1.5 GB"
wheels = ["torch==2.9.1", "numpy"]
requirements = "requirements.in"
constraints = ["numpy<3"]
overrides = "overrides.txt"
indexes = {Torch_Vision = "torch", "nvidia-*" = "nvidia"}
index = "public"
prereleases = ["Some.Thing"]
exclude-newer = 2026-11-01
build = ["a.b"]
"""


def wanted(**changes: Any) -> Wanted:
    (one,) = parsed(**changes)
    ((kind, found),) = one.wants
    assert kind == "simple"
    assert isinstance(found, Wanted)
    return found


def parsed(**changes: Any) -> tuple[Environment, ...]:
    table = {"name": "e", "python": ["3.12"], "wheels": ["x"]} | changes
    return parse_config(
        {"environment": [{key: value for key, value in table.items() if value is not None}]}
    ).environments


def test_all_keys() -> None:
    (one,) = parse_config(tomllib.loads(WHOLE)).environments
    ((_, found),) = one.wants
    assert (one.name, one.platforms, one.python) == ("train", ("linux-64", "win-64"), ("3.11", "3.12.4"))
    assert (one.glibc, one.cuda, one.max_size) == ("2.35", "13", 1_500_000_000)
    assert found == Wanted(
        wheels=("torch==2.9.1", "numpy"),
        requirements=("requirements.in",),
        constraints=("numpy<3",),
        override_files=("overrides.txt",),
        indexes=(("torch-vision", "torch"), ("nvidia-*", "nvidia")),
        index="public",
        prereleases=("some-thing",),
        exclude_newer="2026-11-02T00:00:00Z",
        build=("a-b",),
    )
    assert [found.owner(name) for name in ("torch-vision", "nvidia-nccl", "torch")] == ["torch", "nvidia", ""]


def test_what_is_not_said() -> None:
    (one,) = parsed()
    assert (one.platforms, one.glibc, one.cuda, one.max_size) == (("linux-64",), "2.28", "", None)
    assert wanted() == Wanted(wheels=("x",))
    assert wanted(wheels=None, requirements=["a.in", "b.in"]).requirements == ("a.in", "b.in")
    assert wanted(prereleases=True).prereleases is True
    assert parse_config({}).environments == ()


@pytest.mark.parametrize(
    ("text", "moment"),
    [("2026-11-01", "2026-11-02T00:00:00Z"), ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
     ("2026-11-01T00:30:00+02:00", "2026-10-31T22:30:00Z")],
)  # fmt: skip
def test_moments(text: str, moment: str) -> None:
    assert wanted(**{"exclude-newer": text}).exclude_newer == moment


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wheel": ["x"]}, r"unknown key 'environment\[0\]\.wheel'"),
        ({"name": "a/b"}, r"environment\[0\]\.name"),
        ({"name": "../b"}, r"environment\[0\]\.name"),
        ({"name": None}, r"environment\[0\]\.name"),
        ({"platforms": ["linux-65"]}, "unknown platform 'linux-65'"),
        ({"platforms": ["linux-64", "linux-64"]}, "appears twice"),
        ({"python": ["3"]}, r"environment\[0\]\.python"),
        ({"python": ["3.12", "3.12"]}, "appears twice"),
        ({"python": None}, r"without 'environment\[0\]\.python'"),
        ({"glibc": "musl"}, r"environment\[0\]\.glibc"),
        ({"max-size": "20"}, r"environment\[0\]\.max-size"),
        ({"max-size": "20 GiB"}, r"environment\[0\]\.max-size"),
        ({"cuda": 12.8}, r"environment\[0\]\.cuda"),
        ({"wheels": None}, "is empty"),
        ({"wheels": None, "index": "p"}, r"'environment\[0\]\.index' without wheels"),
        ({"wheels": "torch"}, r"a list of strings in 'environment\[0\]\.wheels'"),
        ({"exclude-newer": "yesterday"}, r"environment\[0\]\.exclude-newer"),
        ({"prereleases": "yes"}, r"environment\[0\]\.prereleases"),
    ],
)
def test_a_wrong_value_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parsed(**changes)


def test_two_of_one_name_are_refused() -> None:
    one = {"name": "e", "python": ["3.12"], "wheels": ["x"]}
    with pytest.raises(ConfigError, match="two environments are named 'e'"):
        parse_config({"environment": [one, one]})
