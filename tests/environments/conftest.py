"""Fixtures: a public index, a team's three, and projects that take from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.ml_team import MlTeam
from simulator.project import Project
from simulator.python_index import PythonIndex
from simulator.site_key import SiteKey
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
