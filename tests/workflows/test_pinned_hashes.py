"""Hashes in pins: held against the artifact of that name on every kind of upstream, or refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.nvidia import Nvidia
from simulator.project import Project
from simulator.redistrib import write_redistrib
from simulator.server import Server
from simulator.yum import Rhel
from tests.kinds.yum.world import CUDNN, add_yum

KINDS = ("apt", "simple", "folder", "redistrib", "yum")


@pytest.fixture(params=KINDS)
def pinned(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Project:
    """A project with one pin on an upstream of each kind, locked without hashes."""
    if request.param == "yum":
        rhel: Rhel = request.getfixturevalue("rhel")
        add_yum(project, rhel, CUDNN)
    elif request.param == "redistrib":
        (tmp_path / "redist").mkdir()
        write_redistrib(tmp_path / "redist", CudnnRelease("9.8.0.87", "12"))
        server = _started(request, tmp_path / "redist")
        project.add("upstream", name="redist", type="redistrib", url=server.url)
        project.add("pin", upstream="redist", packages=["cudnn=9.8.0.87"])
    else:
        nvidia: Nvidia = request.getfixturevalue("nvidia")
        add = {"apt": project.add_apt, "simple": project.add_wheels, "folder": project.add_downloads}
        add[request.param](nvidia)
    project.run("lock")
    return project


def _started(request: pytest.FixtureRequest, folder: Path) -> Server:
    server = Server(folder).__enter__()
    request.addfinalizer(lambda: server.__exit__(None, None, None))
    return server


def artifacts(project: Project) -> list[dict[str, str]]:
    return list(tomllib.loads(project.lock.read_text())["artifact"])


def give(project: Project, hashes: dict[str, str]) -> None:
    """Give the last pin these hashes, and none else."""
    pin = project.sections[-1].partition("[pin.sha256]")[0]
    rows = "".join(f"{json.dumps(name)} = {json.dumps(text)}\n" for name, text in hashes.items())
    project.sections[-1] = f"{pin}[pin.sha256]\n{rows}"
    project.write()


def test_a_hash_in_a_pin_is_held_against_the_artifact(pinned: Project) -> None:
    for one in artifacts(pinned):
        give(pinned, {one["filename"]: one["sha256"].upper()})
        pinned.run("lock")
        before = pinned.lock.read_bytes()
        give(pinned, {one["filename"]: "0" * 64})
        failed = pinned.fail(5, "lock")
        assert f"the pin says {'0' * 64}" in failed.error
        assert one["filename"] in failed.error
        assert pinned.lock.read_bytes() == before


def test_a_hash_for_a_file_the_pin_does_not_take_is_refused(pinned: Project) -> None:
    good = artifacts(pinned)[0]["filename"]
    give(pinned, {f"{good}x": "0" * 64})
    failed = pinned.fail(6, "lock")
    assert f"{good}x" in failed.error
    assert good in failed.hint
    give(pinned, {good: artifacts(pinned)[0]["sha256"]})  # as the hint says
    pinned.run("lock")


def test_what_is_no_hash_is_refused_where_it_stands(project: Project, nvidia: Nvidia) -> None:
    project.add_wheels(nvidia)
    give(project, {"a.whl": "sha256:" + "0" * 64})
    assert "'pin[0].sha256'" in project.fail(3, "lock").error


def test_two_pins_with_two_hashes_for_one_file_are_refused(project: Project, nvidia: Nvidia) -> None:
    project.add_wheels(nvidia)
    project.run("lock")
    name = artifacts(project)[0]["filename"]
    give(project, {name: artifacts(project)[0]["sha256"]})
    project.add("pin", upstream="wheels", packages=["nvidia-cudnn-cu11"])
    give(project, {name: "0" * 64})
    assert "two hashes" in project.fail(6, "lock").error
