"""docs/pytorch.md, command by command: small packages in place of the large ones, installed without a network."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.ml_team import TORCH, MlTeam
from simulator.process import clean_env, run
from tests.clients.alone import Alone, why_not
from tests.parsed import parse_config

import cudepot

PAGE = Path(__file__).parent.parent.parent / "docs" / "pytorch.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^## (.+)$", re.MULTILINE)
_HERE = f"3.{sys.version_info.minor}"
_OTHER = "3.12" if _HERE == "3.11" else "3.11"


def blocks() -> dict[str, list[str]]:
    """Return the command blocks of the page by the section they stand in."""
    parts = _TITLE.split(PAGE.read_text())
    return {title: _BLOCK.findall(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


class Guide:
    """Somebody who follows the page in an empty folder."""

    def __init__(self, folder: Path, team: MlTeam) -> None:
        self.folder, self._team, self.site = folder, team, "https://packages.example"
        commands = folder.parent / "commands"
        commands.mkdir()
        for name, words in {
            "cudepot": (sys.executable, "-m", "cudepot.cli.main"),
            "python3": (sys.executable,),
        }.items():
            (commands / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
            (commands / name).chmod(0o755)
        self._env = clean_env(HOME=str(folder.parent), PYTHONPATH=str(Path(cudepot.__file__).parent.parent))
        self._env["PATH"] = f"{commands}:{self._env['PATH']}"

    def follow(self, title: str, prefix: tuple[str, ...] = ()) -> str:
        """Run the blocks of a section and return what they print."""
        texts = [self._adapted(one) for one in blocks()[title]]
        return "".join(run(*prefix, "sh", "-eu", "-c", text, env=self._env, cwd=self.folder).stdout for text in texts)

    def _adapted(self, text: str) -> str:
        """Return a block for this machine's Python, with the stand-ins' URLs in place of the real ones."""
        for preset, name, url in (
            ("pytorch/cu130", TORCH, self._team.pytorch.url), ("nvidia/pypi", "pypi-nvidia", self._team.nvidia.url),
        ):  # fmt: skip
            own = f'name = "{name}"\ntype = "simple"\nurl = "{url}"'
            text = text.replace(f'preset = "{preset}"', own)
        text = text.replace('["3.11", "3.12"]', f'["{_HERE}", "{_OTHER}"]').replace("py3.11", f"py{_HERE}")
        text = text.replace("https://index.example/simple/", self._team.pypi.url)
        return text.replace("py3.12", f"py{_HERE}").replace("https://packages.example", self.site)


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    if missing := why_not():
        pytest.skip(missing)
    (tmp_path / "acme").mkdir()
    with MlTeam(tmp_path / "indexes") as team:
        yield Guide(tmp_path / "acme", team)


@pytest.mark.lengthy
def test_the_page_from_nothing_to_import_torch(guide: Guide) -> None:
    guide.follow("1. Name the indexes")
    locked = guide.follow("2. Say what people install")
    assert "torch 2.9.1+cu130" in locked
    assert "tensorrt-cu13-libs 10.14.1.48" in locked
    assert "numpy 99" not in locked, "PyTorch's index is not asked for numpy"
    guide.follow("3. Fetch and publish")
    with Alone(guide.folder) as alone:
        guide.site = alone.url
        said = guide.follow("4. Install", alone.prefix)
    assert "2.9.1+cu130" in said
    assert "No broken requirements found." in said
    before = tomllib.loads((guide.folder / "cudepot.lock").read_text())
    guide.follow("Next month")
    assert tomllib.loads((guide.folder / "cudepot.lock").read_text()) == before, "the indexes have nothing newer"


def test_the_other_frameworks_are_environments_as_cudepot_reads_them() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    found = parse_config(
        {"site": {}, "upstream": [{"name": "pypi", "type": "simple", "url": "https://h/"}]} | tomllib.loads(text)
    )
    assert [one.name for one in found.environments] == ["jax", "tensorflow", "vllm"]


def test_every_command_of_the_page_is_followed() -> None:
    followed = {"1. Name the indexes", "2. Say what people install", "3. Fetch and publish", "4. Install", "Next month"}
    assert {title for title, found in blocks().items() if found} == followed
