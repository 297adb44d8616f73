"""The generated channel: the same lock whichever form of the index is read, and what reading it costs.

Small for all, and once of conda-forge's size.
"""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.measure import cudepot
from simulator.conda_forge import ENVIRONMENTS, LARGE, PLATFORMS, SMALL, write_channel
from simulator.project import Project
from simulator.server import Server

FORMS = {"shards": "repodata_shards.msgpack.zst", "zst": "repodata.json.zst", "plain": "repodata.json"}


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("conda-forge")
    write_channel(root, SMALL)
    return root


@pytest.fixture
def server(channel: Path) -> Iterator[Server]:
    with Server(channel) as server:
        yield server


def want(project: Project, server: Server) -> None:
    project.sections.clear()
    project.add("upstream", name="conda-forge", type="conda", url=f"{server.url}/")
    for name, specs in ENVIRONMENTS.items():
        for driver in ({}, {"cuda": "12.9"}):
            said = {"name": f"{name}{'-gpu' * len(driver)}", "platforms": list(PLATFORMS), "conda": list(specs)}
            project.add("environment", **said, **driver)


def show_only(server: Server, form: str) -> None:
    server.heal()
    for one in set(FORMS.values()) - {FORMS[form]}:
        server.missing(f"/*/{one}")


def locked(project: Project) -> dict[str, Any]:
    return tomllib.loads(project.lock.read_text())


def test_two_of_one_size_are_the_same(channel: Path, tmp_path: Path) -> None:
    write_channel(tmp_path / "again", SMALL)
    assert sums(tmp_path / "again") == sums(channel)


def sums(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_lock_is_the_same_whichever_form_is_read(project: Project, server: Server) -> None:
    locked_in_all_forms(project, server)


@pytest.mark.lengthy
def test_at_the_size_of_conda_forge_too(project: Project, tmp_path: Path) -> None:
    """600,000 packages: three megabytes of shards are fetched, each held to its index, in less than 180 MB."""
    root = tmp_path / "channel"
    write_channel(root, LARGE)
    with Server(root) as server:
        locked_in_all_forms(project, server)
        show_only(server, "shards")
        server.forget()
        project.lock.unlink()
        shutil.rmtree(project.base / "store/upstreams")
        measured = cudepot(project.base, "lock")
        sent = {one.path.lstrip("/") for one in server.requests if one.status == 200}
        assert sum((root / path).stat().st_size for path in sent) < 3_000_000
        assert max(measured.rss_mb, measured.child_rss_mb) < 180


def locked_in_all_forms(project: Project, server: Server) -> None:
    found = []
    for form in FORMS:
        show_only(server, form)
        want(project, server)
        project.lock.unlink(missing_ok=True)
        project.run("lock")
        found.append({key: value for key, value in locked(project).items() if key != "upstream"})
    targets = [target for one in found[0]["environment"] for target in one["target"]]
    assert len(targets) == 18
    assert all(len(one["members"]) > 15 for one in targets)
    assert found[0] == found[1] == found[2]


def test_a_driver_decides_what_is_taken(project: Project, server: Server) -> None:
    want(project, server)
    project.run("lock")
    builds = {
        one["name"]: "".join(each for target in one["target"] for each in target["members"])
        for one in locked(project)["environment"]
    }
    assert "pytorch-1.7.0-cpu_" in builds["serve"]
    assert "pytorch-1.7.0-cuda12_" in builds["serve-gpu"]


def test_each_index_and_each_shard_is_asked_for_once(project: Project, server: Server) -> None:
    want(project, server)
    project.run("lock")
    paths = [one.path for one in server.requests]
    assert len(paths) == len(set(paths)), "six environments read a channel once"
    named = {path.name for path in server.root.rglob("*.msgpack.zst")}
    assert len(paths) < len(named), "only what can be reached is read"
    server.forget()
    project.run("lock")
    assert sorted((one.path, one.status) for one in server.requests) == [
        (f"/{subdir}/{FORMS['shards']}", 304) for subdir in sorted([*PLATFORMS, "noarch"])
    ]


@pytest.mark.parametrize("form", ["zst", "plain"])
def test_nothing_new_is_one_conditional_request_a_subdir(project: Project, server: Server, form: str) -> None:
    show_only(server, form)
    want(project, server)
    project.run("lock")
    server.forget()
    project.run("lock")
    assert sorted((one.path, one.status) for one in server.requests) == [
        (f"/{subdir}/{FORMS[form]}", 304) for subdir in sorted([*PLATFORMS, "noarch"])
    ]


def test_only_shards_that_changed_are_fetched_again(project: Project, channel: Path, tmp_path: Path) -> None:
    root = tmp_path / "channel"
    write_channel(root, SMALL)
    with Server(root) as server:
        want(project, server)
        project.run("lock")
        before = project.lock.read_bytes()
        write_channel(root / "next", SMALL._replace(compiled=SMALL.compiled + 1))
        for subdir in PLATFORMS:
            for path in (root / "next" / subdir).rglob("*.zst"):
                (root / path.relative_to(root / "next")).write_bytes(path.read_bytes())
        server.forget()
        project.run("lock")
        assert {one.path for one in server.requests if one.status == 200} == {
            f"/{subdir}/{FORMS['shards']}" for subdir in PLATFORMS
        }
    assert project.lock.read_bytes() == before
