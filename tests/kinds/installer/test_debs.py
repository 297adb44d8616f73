"""Local-repo installers: pinned by hash, verified by the key inside, selected from, and installed by the real apt."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.installers import installer, write_installer
from simulator.keys import Key
from simulator.nvidia import Artifacts
from simulator.process import run
from simulator.project import DEB, Project
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import serve

NAME = "cudnn-local-repo-ubuntu2004-8.0.5.39"


@pytest.fixture(scope="session")
def one_off(nvidia_artifacts: Artifacts) -> Key:
    """A key of the installer alone, as NVIDIA makes one for each."""
    return nvidia_artifacts.keys.generate("cudnn-local <cudatools@example.com>")


@pytest.fixture(scope="session")
def made(nvidia_artifacts: Artifacts, one_off: Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installer with runtime, development files and samples of cuDNN 8.0.5.39 for CUDA 11.1; read only."""
    folder = tmp_path_factory.mktemp("installer")
    return write_installer(folder, nvidia_artifacts.keys, one_off, *nvidia_artifacts.releases["11.1"].debs)


def want(project: Project, file: Path, *packages: str, sha256: str = "", **upstream: object) -> None:
    """Add an installer and pins on it."""
    digest = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    project.add("upstream", name="local", type="local-repo", path=str(file), sha256=digest, **upstream)
    project.add("pin", upstream="local", packages=list(packages or ("libcudnn8-dev",)))


def locked(project: Project) -> dict[str, Any]:
    project.run("lock")
    return tomllib.loads(project.lock.read_text())


def repository(folder: Path, artifacts: Artifacts, key: Key, *debs: Path) -> FlatRepo:
    repo = FlatRepo(folder / "repo", artifacts.keys, key)
    repo.add(*debs)
    repo.publish()
    return repo


def test_apt_get_installs_what_came_out_of_an_installer(
    project: Project, made: Path, one_off: Key, nvidia_artifacts: Artifacts, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project, made, f"libcudnn8-dev={DEB}")
    document = locked(project)
    (root,) = document["upstream"][0]["root"]
    assert (root["path"], root["signers"]) == ("InRelease", [one_off.fingerprint])
    assert document["upstream"][0]["label"] == "NVIDIA CUDA"
    assert [one["name"] for one in document["artifact"]] == ["libcudnn8", "libcudnn8-dev"], "the samples stay out"
    runtime = nvidia_artifacts.releases["11.1"].debs[0].read_bytes()
    assert document["artifact"][0]["sha256"] == hashlib.sha256(runtime).hexdigest()
    assert project.object(runtime).read_bytes() == runtime
    assert project.run("sync", "--json").json["fetched_files"] == 0, "locking has unpacked it"
    project.run("publish")
    client = AptRoot(tmp_path / "root")
    with serve(project.site) as site:
        client.add_source(f"{site.url}/apt/local/", site_key.keyring)
        client.update()
        client.install("libcudnn8-dev")
    assert client.version("libcudnn8") == DEB
    assert client.file("/usr/include/cudnn.h").is_file()


def test_locking_again_needs_the_installer_no_more_but_a_lost_object_does(
    project: Project, made: Path, nvidia_artifacts: Artifacts, tmp_path: Path
) -> None:
    file = tmp_path / made.name
    file.write_bytes(made.read_bytes())
    want(project, file)
    locked(project)
    away = file.rename(tmp_path / "away.deb")
    assert project.run("lock", "--json").json["written"] is False
    runtime = nvidia_artifacts.releases["11.1"].debs[0].read_bytes()
    project.object(runtime).unlink()
    assert file.name in project.fail(3, "sync").error
    away.rename(file)
    assert project.run("sync", "--json").json["fetched_files"] == 1
    assert project.object(runtime).read_bytes() == runtime


def test_a_dry_run_shows_what_would_come_and_keeps_nothing(project: Project, made: Path) -> None:
    want(project, made)
    before = project.everything()
    answer = project.run("lock", "--dry-run", "--json").json
    assert [one.split()[0] for one in answer["added"]] == ["libcudnn8", "libcudnn8-dev"]
    assert project.everything() == before


def test_an_installer_of_another_hash_is_not_even_parsed(project: Project, made: Path, tmp_path: Path) -> None:
    file = tmp_path / made.name
    file.write_bytes(made.read_bytes()[:-1] + b"x")
    want(project, file, sha256=hashlib.sha256(made.read_bytes()).hexdigest())
    assert "but cudepot.toml says" in project.fail(5, "lock").error
    file.write_bytes(b"no deb at all")
    assert "but cudepot.toml says" in project.fail(5, "lock").error
    file.unlink()
    assert "cannot read it" in project.fail(3, "lock").error


def test_an_inner_index_signed_by_a_key_that_is_not_inside_is_refused(
    project: Project, nvidia_artifacts: Artifacts, one_off: Key, tmp_path: Path
) -> None:
    repo = repository(tmp_path, nvidia_artifacts, one_off, write_deb(simple_deb("a", "1"), tmp_path))
    repo.sign(nvidia_artifacts.other_key)
    want(project, write_deb(installer(repo, NAME, nvidia_artifacts.keys), tmp_path), "a")
    assert "not in the keyring" in project.fail(5, "lock").error
    assert not project.lock.exists()


def test_an_installer_without_a_key_is_refused(
    project: Project, nvidia_artifacts: Artifacts, one_off: Key, tmp_path: Path
) -> None:
    repo = repository(tmp_path, nvidia_artifacts, one_off, write_deb(simple_deb("a", "1"), tmp_path))
    deb = installer(repo, NAME, nvidia_artifacts.keys)
    deb.files = {path: data for path, data in deb.files.items() if not path.endswith((".pub", "-keyring.gpg"))}
    want(project, write_deb(deb, tmp_path), "a")
    assert "it contains no public key" in project.fail(5, "lock").error


def test_a_package_that_is_not_what_the_inner_index_says_is_refused(
    project: Project, nvidia_artifacts: Artifacts, one_off: Key, tmp_path: Path
) -> None:
    repo = repository(tmp_path, nvidia_artifacts, one_off, write_deb(simple_deb("a", "1"), tmp_path))
    deb = installer(repo, NAME, nvidia_artifacts.keys)
    inner = deb.files[f"/var/{NAME}/a_1_amd64.deb"]
    assert isinstance(inner, bytes)
    deb.files[f"/var/{NAME}/a_1_amd64.deb"] = inner[:-1] + b"x"
    want(project, write_deb(deb, tmp_path), "a")
    assert "promised" in project.fail(5, "lock").error
    deb.files.pop(f"/var/{NAME}/a_1_amd64.deb")
    project.sections.clear()
    want(project, write_deb(deb, tmp_path), "a")
    assert "a_1_amd64.deb is in its index but not in the installer" in project.fail(6, "lock").error


def test_a_deb_that_carries_no_repository_is_refused(project: Project, tmp_path: Path) -> None:
    want(project, write_deb(simple_deb("hello", "1.0"), tmp_path), "hello")
    assert "0 apt repositories below /var" in project.fail(10, "lock").error


def test_an_old_installer_has_a_detached_signature_and_may_replace_a_newer_one(
    project: Project, made: Path, nvidia_artifacts: Artifacts, one_off: Key, tmp_path: Path
) -> None:
    want(project, made)
    locked(project)
    repo = FlatRepo(tmp_path / "repo", nvidia_artifacts.keys, one_off)
    repo.inline = False
    repo.add(write_deb(simple_deb("a", "1"), tmp_path))
    repo.publish(date="Mon, 02 Nov 2020 00:00:00 +0000")
    project.sections.clear()
    want(project, write_deb(installer(repo, NAME, nvidia_artifacts.keys), tmp_path), "a")
    document = locked(project)
    assert document["upstream"][0]["root"][0]["path"] == "Release"
    assert [one["name"] for one in document["artifact"]] == ["a"]


_MEASURE = """
import pathlib, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_installer(
    project: Project, nvidia_artifacts: Artifacts, one_off: Key, tmp_path: Path
) -> None:
    big = tmp_path / "big_1_amd64.deb"
    tree = tmp_path / "big"
    run("dpkg-deb", "-R", write_deb(simple_deb("big", "1"), tmp_path), tree)
    with (tree / "zeros").open("wb") as out:
        out.truncate(256 << 20)
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, big)
    want(project, write_installer(tmp_path, nvidia_artifacts.keys, one_off, big), "big")
    project.run("lock", prefix=(sys.executable, "-c", _MEASURE, str(tmp_path / "peak")))
    assert project.object(big.read_bytes()).stat().st_size > 256 << 20
    peak = int((tmp_path / "peak").read_text())  # KiB
    assert peak < 150 << 10, f"{peak} KiB"
