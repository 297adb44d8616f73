"""Redistrib manifests as an upstream: pinned, locked by hash, fetched and repackaged."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease, parts
from simulator.project import Project
from simulator.redistrib import entry, write_page, write_redistrib
from simulator.server import Server

NEW = CudnnRelease("9.8.0.87", "12")
OLD = CudnnRelease("8.9.7.29", "11")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests of two releases with their archives."""
    root = tmp_path_factory.mktemp("redist")
    write_redistrib(root, NEW, CudnnRelease("9.8.0.87", "12", "aarch64"), windows=True, samples=True)
    (root / "redistrib_8.9.7.29.json").write_text("{}")  # the first edition, of another schema
    write_redistrib(root, OLD, CudnnRelease("8.9.7.29", "12"))
    return root


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as one:
        yield one


def want(project: Project, server: Server, *packages: str, **pin: object) -> None:
    project.sections.clear()
    project.add("upstream", name="redist", type="redistrib", url=server.url)
    project.add("pin", upstream="redist", packages=list(packages), **({"recipe": "cudnn"} | pin))


def files(project: Project) -> list[str]:
    project.run("lock")
    return [one["filename"] for one in tomllib.loads(project.lock.read_text())["artifact"]]


def test_pins_are_versions_variants_and_platforms(project: Project, server: Server) -> None:
    want(project, server, "cudnn=9.8.0.87", subdirs=["linux-64", "linux-aarch64"])
    assert files(project) == [
        "cudnn-linux-x86_64-9.8.0.87_cuda12-archive.tar.xz",
        "cudnn-linux-sbsa-9.8.0.87_cuda12-archive.tar.xz",
    ]
    assert server.count("/") == 0, "an exact version needs no list of manifests"
    (root,) = tomllib.loads(project.lock.read_text())["upstream"][0]["root"]
    manifest = (server.root / "redistrib_9.8.0.json").read_bytes()
    assert (root["path"], root["sha256"]) == ("redistrib_9.8.0.json", hashlib.sha256(manifest).hexdigest())
    want(project, server, "cudnn=8.*", cuda="11.8")
    assert files(project) == ["cudnn-linux-x86_64-8.9.7.29_cuda11-archive.tar.xz"]
    want(project, server, "cudnn")
    assert files(project) == ["cudnn-linux-x86_64-9.8.0.87_cuda12-archive.tar.xz"], "the newest"
    want(project, server, "cudnn_samples=9.8.0")
    assert files(project) == ["cudnn_samples-source-9.8.0.87-archive.tar.xz"]


def test_what_is_locked_is_fetched_and_repackaged(project: Project, server: Server) -> None:
    want(project, server, "cudnn=9.8.0.87", outputs=["conda"])
    project.accept_eula(parts(NEW).licence)
    assert len(files(project)) == 1
    assert project.run("sync", "--json").json["fetched_files"] == 1
    built = project.run("repackage", "--json").json["built"]
    assert [one["filename"].split("-")[0] for one in built] == ["cudnn"]
    assert project.run("lock", "--json").json["written"] is False


def test_without_a_recipe_the_archive_itself_is_published(project: Project, server: Server) -> None:
    want(project, server, "cudnn=9.8.0.87", recipe="", subdirs=["linux-64", "win-64"])
    names = files(project)
    project.run("sync")
    project.run("publish")
    for name in names:
        (source,) = server.root.rglob(name)
        assert (project.site / "files/redist" / name).read_bytes() == source.read_bytes()
    assert len(names) == 2
    page = (project.site / "index.html").read_text()
    assert '"type": ["tar"]' in page
    assert '"type": ["zip"]' in page
    changes = project.run("snapshots", "--json").json
    assert changes[-1]["packages"] == {"file": 2}


@pytest.mark.parametrize(
    ("pin", "code", "says"),
    [
        ({"packages": ["cudnn=9.8.0"], "cuda": "11", "recipe": "cudnn"}, 6, "nothing for linux-64, CUDA 11"),
        ({"packages": ["cudnn=7.*"], "recipe": "cudnn"}, 6, "matches no manifest"),
        ({"packages": ["cudnn=1.2.3"], "recipe": "cudnn"}, 4, "redistrib_1.2.3.json"),
        ({"packages": ["tensorrt=1.2.3"], "recipe": "cudnn"}, 3, "expected cudnn"),
    ],
)
def test_what_cannot_be_had_says_so(
    project: Project, server: Server, pin: dict[str, object], code: int, says: str
) -> None:
    project.add("upstream", name="redist", type="redistrib", url=server.url)
    project.add("pin", upstream="redist", **pin)
    assert says in project.fail(code, "lock").error


def test_a_malformed_entry_is_told_and_the_rest_is_locked(project: Project, server: Server, tmp_path: Path) -> None:
    manifest = json.loads((server.root / "redistrib_9.8.0.json").read_text())
    manifest["cudnn"]["windows-arm64"] = {"cuda13": entry("cudnn/x.zip", b"x"), **entry("cudnn/y.zip", b"y")}
    (tmp_path / "redistrib_9.8.0.json").write_text(json.dumps(manifest))
    write_page(tmp_path)
    with Server(tmp_path) as other:
        want(project, other, "cudnn=9.8.0.87")
        done = project.run("lock")
    assert "left out: cudnn.windows-arm64" in done.err


def test_other_bytes_than_the_manifest_says_are_refused(project: Project, server: Server) -> None:
    want(project, server, "cudnn=9.8.0.87")
    (name,) = files(project)
    server.flip(f"/cudnn/linux-x86_64/{name}")
    assert "promised" in project.fail(5, "sync").error


def test_a_pin_that_matches_nothing_is_named_and_the_others_are_locked(project: Project, server: Server) -> None:
    want(project, server, "cudnn=9.8.0.87", "cudnn=9.99.0.1", "cudnn_samples=7.*")
    failed = project.fail(4, "lock")
    assert "2 pins cannot be locked" in failed.error
    assert "redistrib_9.99.0" in failed.error
    assert "'cudnn_samples=7.*' matches no manifest" in failed.error
    locked = tomllib.loads(project.lock.read_text())["artifact"]
    assert [one["version"] for one in locked] == ["9.8.0.87"]
    assert "2 pins" in project.fail(4, "lock").error


def test_a_newer_release_is_offered_by_number(project: Project, server: Server) -> None:
    want(project, server, "cudnn=8.9.7.29", cuda="12")
    project.run("lock")
    assert "cudnn 8.9.7.29 -> 9.8.0.87" in project.run("update").out
    want(project, server, "cudnn=9.8.0.87", cuda="12")
    project.run("lock")
    assert "nothing newer" in project.run("update").out


def test_a_manifest_without_a_label_is_as_new_as_its_name(project: Project, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "unlabelled"
    shutil.copytree(server.root, folder)
    path = folder / "redistrib_9.8.0.json"
    path.write_text(path.read_text().replace("release_label", "release_name"))
    with Server(folder) as other:
        want(project, other, "cudnn=9.8.0.87", cuda="12")
        project.run("lock")
        assert "nothing newer" in project.run("update").out
