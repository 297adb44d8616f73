"""Two channels of one site read at once, through ``cudepot serve``, by apt, dnf, pip and rattler."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.process import ToolError
from simulator.project import Project
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.clients import conda_env, web
from tests.clients.apt import AptRoot
from tests.clients.dnf import DnfRoot
from tests.clients.python_env import PythonEnv
from tests.kinds.contract.rows import CONDA, Stage, channel, folder
from tests.kinds.contract.shelf import FIRST, SECOND, Shelf

FORMS = {"debs": "deb", "rpms": "rpm", "wheels": "whl"}


@dataclass
class World:
    """A project whose first channel shows the second packages too, and the last one only the first."""

    project: Project
    stages: dict[str, Stage]

    def offer(self, *labels: str) -> None:
        """Let all upstreams have these packages, and publish."""
        self.project.sections.clear()
        for name, stage in self.stages.items():
            stage.day += 1
            stage.folder.mkdir(exist_ok=True)
            files = [stage.shelf.get(FORMS.get(name, "conda"), one) for one in labels]
            self.project.add("upstream", name=name, **(folder if name in FORMS else channel)(stage, files))
            for pin in [CONDA[one] for one in labels] if name not in FORMS else ["*"]:
                self.project.add("pin", upstream=name, packages=[pin])
        self.project.publish()


@pytest.fixture
def world(site_key: SiteKey, tmp_path: Path) -> Iterator[World]:
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    with two_channels(project, tmp_path) as made:
        yield made


@contextlib.contextmanager
def two_channels(project: Project, folder: Path, more: str = "", store: str = "") -> Iterator[World]:
    """Give a world; ``more`` is said of its site, ``store`` of its store."""
    shelf = Shelf(folder / "shelf")
    head = f'[site]\n{more}channels = ["dev", "prod"]\nurl = "http://site.example/"\n'
    project._head = project._head.replace("[site]\n", head)
    if store:
        project._head = project._head.replace("[site]\n", f"{store}[site]\n")
    project.write()
    project.init()
    (folder / "served").mkdir()
    with Server(folder / "served") as server:
        stages = {name: Stage(folder / name, "", shelf) for name in FORMS}
        made = World(project, stages | {"conda": Stage(folder / "served", server.url, shelf)})
        made.offer(FIRST)
        project.run("promote", "dev", "prod")
        made.offer(FIRST, SECOND)
        yield made
    shelf.keys.close()


@pytest.mark.slow
def test_four_clients_read_two_channels_of_one_site(world: World, tmp_path: Path) -> None:
    with web.serve(world.project.base) as url:
        seen = {name: clients_see(f"{url}/{name}", tmp_path / name) for name in ("dev", "prod")}
        assert seen["prod"] == {one: {"first"} for one in ("apt", "dnf", "rattler", "pip")}
        assert seen["dev"] == {one: {"first", "second"} for one in ("apt", "dnf", "rattler", "pip")}
        assert _read(f"{url}/").count("<li>") == 2
        assert _read(f"{url}/current/snapshot.json") == _read(f"{url}/prod/snapshot.json")
    for name in ("dev", "prod"):  # both show files for clients of either
        sources = list((world.project.base / "site/prod/clients" / name).glob("**/*.sources"))
        assert [f"site.example/{name}/apt/" in one.read_text() for one in sources] == [True]
    project = world.project
    project.run("client", "pip", "--channel", "dev", "--output", str(tmp_path / "of-dev"))
    assert "site.example/dev/simple/" in (tmp_path / "of-dev/etc/pip.conf").read_text()
    project.run("client", "pip", "--url", "http://other.example", "--output", str(tmp_path / "of-last"))
    assert "other.example/prod/simple/" in (tmp_path / "of-last/etc/pip.conf").read_text()
    assert "no channel called" in project.fail(3, "client", "pip", "--channel", "none").error


def _read(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())


def clients_see(url: str, folder: Path) -> dict[str, set[str]]:
    """Return client → which of the two packages it can get from a channel."""
    folder.mkdir()
    for name in ("site.gpg", "site.asc"):
        with urllib.request.urlopen(f"{url}/keys/{name}") as answer:
            (folder / name).write_bytes(answer.read())
    return {
        "apt": _apt(url, folder / "site.gpg", folder / "apt"),
        "dnf": _dnf(url, folder / "site.asc", folder / "dnf"),
        "rattler": _rattler(url, folder / "conda"),
        "pip": _pip(url, folder / "pip"),
    }


def _apt(url: str, key: Path, folder: Path) -> set[str]:
    root = AptRoot(folder)
    root.add_source(f"{url}/apt/debs/", key)
    root.update()
    found = {one for one in (FIRST, SECOND) if "Candidate: 1.0" in root.policy(one)}
    root.install(*sorted(found))
    return found


def _dnf(url: str, key: Path, folder: Path) -> set[str]:
    root = DnfRoot(folder)
    root.add_repo("rpms", f"{url}/yum/rpms", key, gpgcheck=0)
    found = {one.rpartition("-")[0].rpartition("-")[0] for one in root.query("--nevra")}
    root.install(*sorted(found))
    return found & root.installed().keys()


def _rattler(url: str, folder: Path) -> set[str]:
    found = set()
    for one in (FIRST, SECOND):
        try:
            found |= conda_env.create([f"{url}/conda/main"], [one], folder / one).keys()
        except ToolError as error:
            if "No candidates" not in str(error):
                raise
    return found


def _pip(url: str, folder: Path) -> set[str]:
    env = PythonEnv(folder)
    done = {one: env.pip_install(f"{url}/simple/", f"nvidia-{one}", check=False).returncode for one in (FIRST, SECOND)}
    return {one for one, code in done.items() if code == 0}
