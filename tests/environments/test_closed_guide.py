"""docs/closed-machines.md, command by command: a distribution in small in place of Debian, an empty root as machine.

What makes bare machines (section 4) runs on the real archive, in test_closed_real.py.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from simulator.process import clean_env, run
from simulator.small_distribution import SmallDistribution
from tests.clients.alone import Alone, why_not
from tests.clients.apt import AptRoot

import cudepot

PAGE = Path(__file__).parent.parent.parent / "docs" / "closed-machines.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^## (.+)$", re.MULTILINE)


def blocks() -> dict[str, list[str]]:
    """Return the command blocks of the page by the section they stand in."""
    parts = _TITLE.split(PAGE.read_text())
    return {title: _BLOCK.findall(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


class Guide:
    """Somebody who follows the page in an empty folder.

    Attributes:
        followed: titles of sections.
        said: what stands in place of each line that names a preset.
    """

    def __init__(self, folder: Path, presets: dict[str, str], root: AptRoot | None = None) -> None:
        self.folder, self.said, self.site, self.followed = folder, presets, "https://packages.example", set[str]()
        self._root = root
        commands = folder.parent / "commands"
        commands.mkdir()
        script = f'#!/bin/sh\nexec {shlex.join((sys.executable, "-m", "cudepot.cli.main"))} "$@"\n'
        (commands / "cudepot").write_text(script)
        (commands / "cudepot").chmod(0o755)
        self._env = clean_env(HOME=str(folder.parent), PYTHONPATH=str(Path(cudepot.__file__).parent.parent))
        self._env |= root.env if root else {}
        self._env["PATH"] = f"{commands}:/usr/sbin:/sbin:{self._env['PATH']}"

    def follow(self, title: str, prefix: tuple[str, ...] = ()) -> str:
        """Run the blocks of a section and return what they print."""
        self.followed.add(title)
        return "".join(self.run(one, prefix) for one in blocks()[title])

    def run(self, text: str, prefix: tuple[str, ...] = ()) -> str:
        """Run a block."""
        return run(*prefix, "sh", "-eu", "-c", self._adapted(text), env=self._env, cwd=self.folder).stdout

    def _adapted(self, text: str) -> str:
        for name, own in self.said.items():
            text = text.replace(f'[[upstream]]\npreset = "{name}"\n', own)
        if self._root:  # a machine is a folder here, with keys of its own
            root = self._root.path
            text = text.replace("clients/gpu/usr /\n", f"clients/gpu/usr {root}/\n{_rooted(root)}")
        return text.replace("https://packages.example", self.site)


def _rooted(root: Path) -> str:
    return f"sed -i 's#Signed-By: /#Signed-By: {root}/#' {root}/etc/apt/sources.list.d/*\n"


def upstream_text(name: str, **values: object) -> str:
    """Return an ``[[upstream]]`` of apt's."""
    rows = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(["[[upstream]]", f'name = "{name}"', 'type = "apt"', *rows, ""])


@pytest.fixture
def guide(tmp_path: Path, world: SmallDistribution) -> Guide:
    (tmp_path / "acme").mkdir()
    presets = {
        preset: upstream_text(name, **values)
        for preset, (name, values) in zip(
            ("debian/bookworm", "debian/bookworm-security", "nvidia/debian12/x86_64"), world.upstreams(), strict=True
        )
    }
    return Guide(tmp_path / "acme", {**presets, "debian/bookworm-updates": ""}, AptRoot(tmp_path / "root"))


def test_the_page_from_nothing_to_a_toolkit(guide: Guide, world: SmallDistribution) -> None:
    if missing := why_not():
        pytest.skip(missing)
    guide.follow("1. Name the repositories")
    assert "cuda-nvcc-12-6" in guide.follow("2. Say what the machines install")
    guide.follow("3. Fetch and publish")
    with Alone(guide.folder) as alone:
        guide.site = alone.url
        guide.follow("5. A machine that runs", alone.prefix)
    root = AptRoot(guide.folder.parent / "root")
    assert root.version("cuda-toolkit-12-6") == "12.6.3-1"
    assert root.version("libc6") == "2.36-9+deb12u1"
    guide.follow("6. Across an air gap")
    world.offer(world.security, "libc6", "2.36-9+deb12u2")
    world.publish()
    assert "libc6 2.36-9+deb12u1 -> 2.36-9+deb12u2" in guide.follow("Next month")
    assert (guide.folder / "site/current/apt/debian/security/libc6_2.36-9+deb12u2_amd64.deb").exists()
    assert {title for title, found in blocks().items() if found} == guide.followed | {"4. A bare machine"}
