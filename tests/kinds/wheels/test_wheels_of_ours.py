"""Wheels that the site makes, and frameworks that require NVIDIA's exact version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.project import DOWNLOADS, Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from tests.clients.http import serve
from tests.clients.python_env import PythonEnv
from tests.kinds.wheels.test_environment_published import HERE, listed

RELEASE = CudnnRelease("8.0.5.39", "10.1")
OURS = "nvidia_cudnn_cu10-8.0.5.39+acme.1-py3-none-manylinux2014_x86_64.manylinux_2_14_x86_64.whl"
THEIRS = "nvidia_cudnn_cu10-8.0.5.39-py3-none-manylinux1_x86_64.whl"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "pypi") as index:
        index.add(Dist("framework", "1.0", ("nvidia-cudnn-cu10==8.0.5.39",)))
        yield index


@pytest.fixture
def team(project: Project, index: PythonIndex, tmp_path: Path) -> Project:
    """A project that makes a wheel of a cuDNN, and publishes it."""
    (tmp_path / "downloads").mkdir()
    write_archive(RELEASE, tmp_path / "downloads")
    project.accept_eula(licence(RELEASE))
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(tmp_path / "downloads"))
    project.add("upstream", name="pypi", type="simple", url=index.url)
    project.add("pin", upstream=DOWNLOADS, packages=[RELEASE.archive_name], recipe="cudnn", outputs=["wheel"])
    project.publish()
    return project


def environment(project: Project, **more: object) -> None:
    project.add("environment", name="train", python=[HERE], wheels=["framework"], **more)


def test_the_environment_says_why_it_has_not_what_the_site_makes(team: Project) -> None:
    environment(team)
    failed = team.run("lock", check=False)
    assert failed.rc == 6
    assert "nvidia-cudnn-cu10" in failed.err
    assert "this site makes nvidia-cudnn-cu10 8.0.5.39+acme.1" in failed.err
    assert "indexes" in failed.err


def test_ours_meets_an_exact_pin_where_the_site_is_given_the_project(team: Project, tmp_path: Path) -> None:
    with serve(team.base / "site/current") as site:
        team.add("upstream", name="acme", type="simple", url=f"{site.url}/simple/")
        environment(team, indexes={"nvidia-cudnn-*": "acme"})
        team.run("lock")
        assert "fetched: 1," in team.run("sync").out, "ours is in the store"
        team.run("publish")
        assert listed(team) == {OURS, "framework-1.0-py3-none-any.whl"}
        env = PythonEnv(tmp_path / "env")
        env.pip_install(f"{site.url}/environments/train/simple/", "framework")
        env.pip("check")
        found = {one["name"]: one["version"] for one in json.loads(env.pip("list", "--format", "json").stdout)}
        assert found["nvidia-cudnn-cu10"] == "8.0.5.39+acme.1"
        assert team.run("verify", "--json").json["faults"] == []
        assert "unchanged" in team.run("publish").out
        team.run("lock")
        assert "unchanged" in team.run("publish").out


def test_nvidias_own_is_taken_where_there_is_one(team: Project, index: PythonIndex) -> None:
    index.add(Dist("nvidia-cudnn-cu10", "8.0.5.39"), "py3-none-manylinux1_x86_64")
    environment(team)
    team.run("lock")
    team.run("sync")
    team.run("publish")
    assert listed(team) == {THEIRS, "framework-1.0-py3-none-any.whl"}
    shown = {one.name for one in (team.base / "site/current/wheels").glob("*.whl")}
    assert OURS in shown, "in the index of all wheels"
