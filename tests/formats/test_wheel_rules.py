"""The rules of recipes/cudnn/wheel.toml, held against what NVIDIA's own wheels of every release require."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from cudepot.data import data_folder
from cudepot.errors import ConfigError
from cudepot.formats.release import Release
from cudepot.formats.wheel_write import WheelRules

FACTS = Path(__file__).with_name("wheel_requirements.toml")


def rules() -> WheelRules:
    return WheelRules.from_dict(tomli.loads((data_folder("recipes") / "cudnn" / "wheel.toml").read_text()))


def published() -> Iterator[tuple[str, tuple[str, ...], Release]]:
    for row in tomli.loads(FACTS.read_text())["wheels"]:
        for version in row["versions"]:
            cuda = row["name"].removeprefix("nvidia-cudnn-cu")
            yield row["name"], tuple(row["requires"]), Release("cudnn", version, cuda, f"{row['platform']}-64")


def test_every_release_requires_what_nvidias_own_wheel_does() -> None:
    wrong = []
    for name, requires, release in published():
        entry = rules().entry(release)
        if (entry.name, entry.requires) != (name, requires):
            wrong.append((release, entry.requires, requires))
    assert not wrong


def test_the_facts_are_of_all_three_projects() -> None:
    assert {name for name, _, _ in published()} == {f"nvidia-cudnn-cu{cuda}" for cuda in (11, 12, 13)}
    assert len(list(published())) > 150


@pytest.mark.parametrize("platform", ["macos", 7])
def test_an_entry_for_an_unknown_platform_is_refused(platform: object) -> None:
    entry = {"cuda": 12, "since": "9.0", "name": "x", "requires": [], "platform": platform}
    texts = dict.fromkeys(("import_path", "summary", "homepage", "licence"), "x")
    with pytest.raises(ConfigError, match="platform"):
        WheelRules.from_dict({"schema": 1, **texts, "wheel": [entry]})
