"""docs/conda-offline.md, command by command: small packages in place of the large ones, a network with the site alone.

conda itself is on no index: ``conda`` is py-rattler here, which takes the page's arguments.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import CondaChannel, CondaPackage
from simulator.process import clean_env, run
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from simulator.server import Server
from tests.clients.alone import Alone, why_not

import cudepot

PAGE = Path(__file__).parent.parent.parent / "docs" / "conda-offline.md"
AIRGAP = PAGE.with_name("airgap.md")
CONDA = Path(__file__).parent.parent / "clients" / "conda_command.py"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^## (.+)$", re.MULTILINE)
PACKAGES = (
    CondaPackage("libzlib", "1.3.1", "h1_2", 2),
    CondaPackage("tzdata", "2026.1", "h2_0", subdir="noarch"),
    CondaPackage(
        "python", "3.12.8", "h1_0", depends=("libzlib", "tzdata", "__glibc >=2.17"), files=(("bin/python", "-\n"),)
    ),
    CondaPackage("python", "3.13.1", "h1_0", depends=("libzlib", "tzdata")),
    CondaPackage("pip", "25.0", "py_0", depends=("python >=3.9",), subdir="noarch"),
    CondaPackage("cuda-version", "12.9", "h0_0", constrains=("__cuda >=12",), subdir="noarch"),
    CondaPackage("cuda-version", "13.0", "h0_0", constrains=("__cuda >=13",), subdir="noarch"),
    CondaPackage("cudnn", "9.10", "h12_0", depends=("cuda-version >=12.9,<13", "libzlib")),
    CondaPackage("cudnn", "9.10", "h13_0", depends=("cuda-version >=13,<14", "libzlib")),
    CondaPackage("pytorch", "2.9.1", "cpu_0", depends=("python 3.12.*",)),
    CondaPackage(
        "pytorch",
        "2.9.1",
        "cuda129_0",
        1,
        ("python 3.12.*", "cudnn", "cuda-version >=12.9,<13"),
        files=(("lib/python3.12/site-packages/torch/__init__.py", "__version__ = '2.9.1'\n"),),
    ),
    CondaPackage("pytorch-gpu", "2.9.1", "cuda129_0", depends=("pytorch 2.9.1 cuda*",)),
    CondaPackage("unrelated", "1.0"),
)
LOCKED = {
    "cuda-version 12.9 h0_0", "cudnn 9.10 h12_0", "libzlib 1.3.1 h1_2", "pip 25.0 py_0", "python 3.12.8 h1_0",
    "pytorch 2.9.1 cuda129_0", "pytorch-gpu 2.9.1 cuda129_0", "tzdata 2026.1 h2_0",
}  # fmt: skip


def blocks(page: Path = PAGE) -> dict[str, list[str]]:
    """Return the command blocks of a page by the section they stand in."""
    parts = _TITLE.split(page.read_text())
    return {title: _BLOCK.findall(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


class Guide:
    """Somebody who follows the page in an empty folder, on machines whose drivers can do CUDA 12.9."""

    def __init__(self, folder: Path, channel: str, index: str) -> None:
        self.folder, self._channel, self._index, self.site = folder, channel, index, "https://packages.example"
        commands = folder.parent / "commands"
        commands.mkdir()
        for name, words in {
            "cudepot": (sys.executable, "-m", "cudepot.cli.main"), "conda": (sys.executable, str(CONDA)),
        }.items():  # fmt: skip
            (commands / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
            (commands / name).chmod(0o755)
        here = str(Path(cudepot.__file__).parent.parent)
        self._env = clean_env(HOME=str(folder.parent), PYTHONPATH=here, CONDA_OVERRIDE_CUDA="12.9")
        self._env["PATH"] = f"{commands}:{self._env['PATH']}"

    def follow(self, title: str, prefix: tuple[str, ...] = ()) -> list[str]:
        """Run the blocks of a section and return what each prints."""
        texts = [self._adapted(one) for one in blocks()[title]]
        return [run(*prefix, "sh", "-eu", "-c", text, env=self._env, cwd=self.folder).stdout for text in texts]

    def cross(self) -> None:
        """Follow docs/airgap.md to a far side, and install from that alone, at another address."""
        near, far, clients = blocks(AIRGAP)["conda on the far side"]
        for text in (near, far):
            run("sh", "-eu", "-c", text, env=self._env, cwd=self.folder)
        with Alone(self.folder / "far") as alone:
            self.site = alone.url
            run(*alone.prefix, "sh", "-eu", "-c", self._adapted(clients), env=self._env, cwd=self.folder)
        assert (self.folder / "envs/far/share/pytorch/version").read_text() == "2.9.1"
        written = (self.folder / "far/clients/etc/conda/.condarc").read_text()
        assert f"{self.site}/environments/dl/conda" in written

    def _adapted(self, text: str) -> str:
        """Return a block with the stand-ins' URLs in place of the real ones."""
        own = f'name = "conda-forge"\ntype = "conda"\nurl = "{self._channel}"'
        text = text.replace('preset = "conda/conda-forge"', own)
        return text.replace("https://index.example/simple/", self._index).replace("https://packages.example", self.site)


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    if missing := why_not():
        pytest.skip(missing)
    (tmp_path / "acme").mkdir()
    (tmp_path / "channels").mkdir()
    channel = CondaChannel(tmp_path / "channels" / "conda-forge")
    for one in PACKAGES:
        channel.add(one)
    channel.publish()
    with Server(tmp_path / "channels") as server, PythonIndex(tmp_path / "index") as index:
        index.add(Dist("hello-lab", "1.0"))
        yield Guide(tmp_path / "acme", f"{server.url}/conda-forge/", index.url)


def test_the_page_from_nothing_to_an_environment(guide: Guide) -> None:
    guide.follow("1. Name the channel")
    locked, looked = guide.follow("2. Say what people install")
    assert "environment dl: 8 projects" in locked
    assert "pytorch-gpu" in looked
    guide.follow("3. Fetch and publish")
    with Alone(guide.folder) as alone:
        guide.site = alone.url
        created, configured, exported = guide.follow("4. Install", alone.prefix)
    *lines, imported = created.splitlines()
    assert imported == "2.9.1"
    assert set(lines) == LOCKED - {"pip 25.0 py_0"}, "conda asks for it beside Python, rattler does not"
    assert "etc/conda/.condarc" in configured
    assert [exported.count(one) for one in LOCKED] == [2] * len(LOCKED)
    for name in ("dl", "exact", "named"):
        assert (guide.folder / "envs" / name / "share/pytorch/version").read_text() == "2.9.1"
    guide.cross()
    guide.follow("From the files you have")
    assert list((guide.folder / "site/current/environments/lab/simple/hello-lab").iterdir())
    before = tomllib.loads((guide.folder / "cudepot.lock").read_text())
    guide.follow("Next month")
    assert tomllib.loads((guide.folder / "cudepot.lock").read_text()) == before, "the channel has nothing newer"


def test_every_command_of_the_page_is_followed() -> None:
    followed = {
        "1. Name the channel", "2. Say what people install", "3. Fetch and publish", "4. Install",
        "From the files you have", "Next month",
    }  # fmt: skip
    assert {title for title, found in blocks().items() if found} == followed
