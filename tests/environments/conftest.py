"""Fixtures: a public index, a team's three, and projects that take from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.ml_team import MlTeam
from simulator.project import Project
from simulator.python_index import PythonIndex
from simulator.server import Server
from simulator.site_key import SiteKey
from simulator.small_distribution import SmallDistribution
from tests.clients.pips import pip_wheel  # noqa: F401 - a fixture


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "index") as index:
        yield index


@pytest.fixture
def plain(project: Project, index: PythonIndex) -> Project:
    """A project with the public index, called ``pypi``."""
    project.add("upstream", name="pypi", type="simple", url=index.url)
    return project


@pytest.fixture
def team(tmp_path: Path) -> Iterator[MlTeam]:
    with MlTeam(tmp_path / "team") as team:
        yield team


@pytest.fixture
def ours(project: Project, team: MlTeam) -> Project:
    """A project with the team's three indexes."""
    team.add_upstreams(project)
    return project


@pytest.fixture
def other_project(site_key: SiteKey, tmp_path: Path) -> Project:
    """Another project, elsewhere."""
    return Project(tmp_path / "elsewhere/project", key=site_key.fingerprint, gnupg=site_key.home).init()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debs of the distribution, made once."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def world(tmp_path: Path, upstream_key: tuple[KeyHome, Key], made: Path) -> Iterator[SmallDistribution]:
    """A distribution in small, served."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    with Server(folder) as server:
        yield SmallDistribution(folder, server.url, *upstream_key, made=made)


@pytest.fixture
def closed(project: Project, world: SmallDistribution) -> Project:
    """A project with the distribution in small, and NVIDIA's repository beside it."""
    world.add_upstreams(project)
    return project
