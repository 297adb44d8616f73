"""NVIDIA on loopback → lock → sync → repackage → publish → apt-get, the conda solver, pip and uv install it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulator.nvidia import Artifacts, Nvidia
from simulator.sections import apt_upstream, folder_upstream, wheel_upstream
from tests.clients import conda_env, http
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv, load_cudnn
from tests.integration.world import Project

DEBS = tuple(f"{name}=8.0.5.39-1+cuda{cuda}" for cuda in ("11.1", "10.2") for name in ("libcudnn8", "libcudnn8-dev"))


@pytest.fixture(scope="module")
def published(nvidia_artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A site with cuDNN 8.0.5.39 for CUDA 10.2 and 11.1 as debs, conda packages and wheels; NVIDIA is gone."""
    project = Project(tmp_path_factory.mktemp("site") / "project")
    with Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("upstream")) as nvidia:
        _publish(project, nvidia)
    return project


def _publish(project: Project, nvidia: Nvidia) -> None:
    project.init()
    project.append(apt_upstream(nvidia, DEBS, 'recipe = "cudnn"\noutputs = ["mirror", "conda", "wheel"]'))
    project.append(wheel_upstream(nvidia.simple_url, "nvidia-cublas-cu11"))
    project.cudepot("lock")
    project.cudepot("sync")
    project.accept_licence()
    project.cudepot("repackage")
    project.cudepot("publish")


def test_apt_get_installs_from_the_site(published: Project, tmp_path: Path) -> None:
    with http.serve(published.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/ubuntu2004/x86_64/", published.key)
        root.update()
        assert site.seen("*/by-hash/SHA256/*", status=200), "apt took the index by hash"
        root.install("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1")
    assert root.status("libcudnn8") == "install ok installed"
    assert root.version("libcudnn8-dev") == "8.0.5.39-1+cuda11.1"
    assert "link currently points to" in root.alternative("libcudnn")
    assert "cudnn_v8.h" in root.alternative("libcudnn")
    assert root.file("/usr/include/cudnn.h").is_file()


def test_apt_get_refuses_another_key(published: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    with http.serve(published.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/ubuntu2004/x86_64/", nvidia.keyring)
        assert root.update(check=False).returncode != 0


def test_nvidias_pin_file_still_matches(published: Project, tmp_path: Path) -> None:
    with http.serve(published.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/ubuntu2004/x86_64/", published.key)
        pin = tmp_path / "cuda-repository-pin-600"
        pin.write_text("Package: *\nPin: release l=NVIDIA CUDA\nPin-Priority: 600\n")
        root.add_file(pin, "etc/apt/preferences.d")
        root.update()
        assert " 600 " in root.policy("libcudnn8")


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_conda_installs_from_the_channel(published: Project, tmp_path: Path, scheme: str) -> None:
    standin = conda_env.standin_channel(tmp_path / "forge")
    with http.serve(published.site) as site:
        ours = f"{site.url}/conda/main" if scheme == "http" else (published.site / "conda/main").as_uri()
        found = conda_env.create([ours, standin.as_uri()], ["cudnn=8.0.5.39"], tmp_path / "env", cuda="11.1")
    assert found["cudnn"].version == "8.0.5.39"
    assert found["cudnn"].build.startswith("cuda11.1_h")
    assert found["cudatoolkit"].version.startswith("11.1")
    lib = tmp_path / "env" / "lib"
    assert load_cudnn(lib, "libcudnn.so.8") == 8005
    assert (lib / "libcudnn.so").resolve().name == "libcudnn.so.8.0.5"
    assert (tmp_path / "env/include/cudnn.h").is_file()


def test_an_old_driver_gets_the_cuda_10_build(published: Project, tmp_path: Path) -> None:
    standin = conda_env.standin_channel(tmp_path / "forge")
    channels = [(published.site / "conda/main").as_uri(), standin.as_uri()]
    found = conda_env.solve(channels, ["cudnn=8.0.5.39"], tmp_path / "cache", cuda="10.2")
    assert found["cudnn"].build.startswith("cuda10.2_h")


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_pip_and_uv_install_the_wheel(published: Project, tmp_path: Path, tool: str) -> None:
    env = PythonEnv(tmp_path / "venv")
    with http.serve(published.site) as site:
        install = env.pip_install if tool == "pip" else env.uv_install
        install(f"{site.url}/simple/", "nvidia-cudnn-cu11==8.0.5.39")
    listed = {one["name"]: one["version"] for one in json.loads(env.pip("list", "--format", "json").stdout)}
    assert listed["nvidia-cudnn-cu11"] == "8.0.5.39+acme.1"
    assert "nvidia-cublas-cu11" in listed, "the dependency came from the site too"
    assert load_cudnn(env.lib, "libcudnn.so.8") == 8005


def test_one_release_in_three_forms_makes_the_same_packages(nvidia: Nvidia, tmp_path: Path) -> None:
    """tgz, debs and wheel of one release, each in a project of its own, built twice: the same bytes."""
    forms = {
        "tgz": folder_upstream(nvidia.downloads, "cudnn-11.1-*.tgz", 'recipe = "cudnn"'),
        "deb": apt_upstream(nvidia, DEBS[:2], 'recipe = "cudnn"'),
        "wheel": wheel_upstream(nvidia.simple_url, 'nvidia-cudnn-cu11==8.0.5.39 | recipe = "cudnn"\ncuda = "11.1"'),
        "again": folder_upstream(nvidia.downloads, "cudnn-11.1-*.tgz", 'recipe = "cudnn"'),
    }
    made = {form: _packages(Project(tmp_path / form), text) for form, text in forms.items()}
    assert len(made["tgz"]) == 2
    assert made["tgz"] == made["deb"] == made["wheel"] == made["again"]


def _packages(project: Project, pins: str) -> list[tuple[str, str]]:
    project.init()
    project.append(pins)
    project.cudepot("lock")
    project.cudepot("sync")
    project.accept_licence()
    result = json.loads(project.cudepot("repackage", "--json").stdout)
    return sorted((one["filename"], one["digest"]["sha256"]) for one in result["built"])


def _status(project: Project) -> Any:
    """Return what ``status`` says, without what is free on a disk that others write to as well."""
    found = json.loads(project.cudepot("status", "--json").stdout)
    del found["store"]["free"]
    return found


def test_publishing_again_changes_nothing_and_verify_is_content(published: Project) -> None:
    before = _status(published)
    again = json.loads(published.cudepot("publish", "--json").stdout)
    assert (again["number"], again["fresh"]) == (1, False)
    assert json.loads(published.cudepot("verify", "--json").stdout)["faults"] == []
    assert _status(published) == before
    assert (before["lock"], before["shown"], before["next"]) == ("ok", 1, "")
