"""The main job with a bucket as the site: apt-get, the conda solver, pip and uv install from moto and from radosgw."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from simulator.nvidia import Artifacts, Nvidia
from simulator.s3 import S3Server
from simulator.sections import apt_upstream, wheel_upstream
from tests.clients import conda_env
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv, load_cudnn
from tests.integration.world import Project

NEW, OLD = ("libcudnn8", "libcudnn8-dev"), "libcudnn8=8.0.5.39-1+cuda10.2"
DEBS = tuple(f"{name}=8.0.5.39-1+cuda11.1" for name in NEW)


@dataclass
class World:
    """A site in a bucket that has gone on by a snapshot, and an apt client that has not looked since."""

    project: Project
    url: str
    old: AptRoot
    server: S3Server
    bucket: str


@pytest.fixture(scope="module", params=["moto", pytest.param("radosgw", marks=pytest.mark.lengthy)])
def world(
    request: pytest.FixtureRequest,
    s3_server: Callable[[str], S3Server],
    nvidia_artifacts: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    server = s3_server(request.param)
    bucket = server.bucket()
    project = Project(tmp_path_factory.mktemp("s3") / "project")
    old = AptRoot(tmp_path_factory.mktemp("old") / "root")
    url = f"{server.url}/{bucket}/pub"
    with pytest.MonkeyPatch.context() as patch, Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("up")) as nvidia:
        for name, value in server.env.items():
            patch.setenv(name, value)
        project.init()
        project.to_s3(bucket, server.url)
        recipe = 'recipe = "cudnn"\noutputs = ["mirror", "conda", "wheel"]'
        whole = project.toml.read_text()
        project.append(apt_upstream(nvidia, (*DEBS, OLD)))
        _verbs(project, "lock", "sync", "publish")
        old.add_source(f"{url}/apt/ubuntu2004/x86_64/", _key(url, project.folder))
        old.update()
        wheels = wheel_upstream(nvidia.simple_url, "nvidia-cublas-cu11")
        project.toml.write_text(whole + apt_upstream(nvidia, DEBS, recipe) + wheels)
        _verbs(project, "lock", "sync")
        project.accept_licence()
        _verbs(project, "repackage", "publish")
        yield World(project, url, old, server, bucket)


def _verbs(project: Project, *verbs: str) -> None:
    for verb in verbs:
        project.cudepot(verb)


def _key(url: str, folder: Path) -> Path:
    path = folder / "site.gpg"
    path.write_bytes(requests.get(f"{url}/keys/site.gpg", timeout=30).content)
    return path


def test_apt_get_installs(world: World, tmp_path: Path) -> None:
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{world.url}/apt/ubuntu2004/x86_64/", _key(world.url, tmp_path))
    root.update()
    root.install(*DEBS)
    assert root.version("libcudnn8-dev") == "8.0.5.39-1+cuda11.1"


def test_an_apt_client_of_yesterday_finishes(world: World) -> None:
    """What it read before the switch names a package that has left the site: it is there for the grace period."""
    world.old.install(OLD)
    assert world.old.version("libcudnn8") == "8.0.5.39-1+cuda10.2"


def test_conda_installs(world: World, tmp_path: Path) -> None:
    standin = conda_env.standin_channel(tmp_path / "forge")
    channels = [f"{world.url}/conda/main", standin.as_uri()]
    found = conda_env.create(channels, ["cudnn=8.0.5.39"], tmp_path / "env", cuda="11.1")
    assert found["cudnn"].url.startswith(world.url)
    assert load_cudnn(tmp_path / "env" / "lib", "libcudnn.so.8") == 8005


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_pip_and_uv_install(world: World, tmp_path: Path, tool: str) -> None:
    env = PythonEnv(tmp_path / "venv")
    install = env.pip_install if tool == "pip" else env.uv_install
    install(f"{world.url}/simple/", "nvidia-cudnn-cu11==8.0.5.39")
    assert load_cudnn(env.lib, "libcudnn.so.8") == 8005


def test_nothing_new_writes_nothing_and_verify_reads_it_all(world: World) -> None:
    before = _listing(world)
    again = json.loads(world.project.cudepot("publish", "--json").stdout)
    assert (again["number"], again["fresh"]) == (2, False)
    assert again["site"] == f"s3://{world.bucket}/pub/"
    assert _listing(world) == before
    answer = json.loads(world.project.cudepot("verify", "--json").stdout)
    assert answer["faults"] == []
    status = json.loads(world.project.cudepot("status", "--json").stdout)
    assert (status["shown"], status["next"]) == (2, "")


def test_no_secret_is_in_a_file_or_a_log(world: World) -> None:
    secret = world.server.env["AWS_SECRET_ACCESS_KEY"].encode()
    files = [one for one in world.project.folder.rglob("*") if one.is_file() and not one.is_symlink()]
    assert any(one.name == "cudepot.log" for one in files)
    assert not [one for one in files if secret in one.read_bytes()]


def test_a_flipped_object_in_the_bucket_is_found(world: World) -> None:
    client, key = world.server.client(), "pub/apt/ubuntu2004/x86_64/Packages"
    body = client.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    client.put_object(Bucket=world.bucket, Key=key, Body=body.replace(b"cudnn", b"cuDnn", 1))
    client.put_object(Bucket=world.bucket, Key="pub/apt/stray", Body=b"")
    try:
        done = world.project.cudepot("verify", "--json", check=False)
        faults = json.loads(done.stdout)["faults"]
        assert done.returncode == 5
        assert len(faults) == 2, faults
        assert "Packages: sha256" in faults[0]
        assert "apt/stray: not part of the snapshot" in faults[1]
    finally:
        client.put_object(Bucket=world.bucket, Key=key, Body=body)
        client.delete_object(Bucket=world.bucket, Key="pub/apt/stray")


def test_rolling_back_shows_the_older_packages(world: World, tmp_path: Path) -> None:
    done = json.loads(world.project.cudepot("rollback", "1", "--json").stdout)
    assert (done["number"], done["shows"]) == (3, 1)
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{world.url}/apt/ubuntu2004/x86_64/", _key(world.url, tmp_path))
    root.update()
    root.install(OLD)
    assert json.loads(world.project.cudepot("verify", "--json").stdout)["faults"] == []


def _listing(world: World) -> list[tuple[str, str]]:
    pages = world.server.client().get_paginator("list_objects_v2").paginate(Bucket=world.bucket)
    return [(one["Key"], str(one["LastModified"])) for page in pages for one in page.get("Contents", ())]
