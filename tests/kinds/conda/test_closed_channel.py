"""A channel that does without conda-forge: `conda install cudnn` solves and installs from it alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.elf import Library, shared_library
from simulator.project import DOWNLOADS, Project
from simulator.wheels import write_companion, write_cublas_wheel
from tests.clients import conda_env
from tests.clients.python_env import load_cudnn

RELEASES = (CudnnRelease("8.9.7.29", "11"), CudnnRelease("9.5.1.17", "12"), CudnnRelease("9.12.0.46", "13"))
CUBLAS = {"11": "11.11.3.6", "12": "12.9.1.4", "13": "13.1.0.3"}
NVRTC = {"11": "11.8.89", "12": "12.9.86", "13": "13.0.88"}


def write_nvrtc_wheel(major: str, version: str, folder: Path) -> Path:
    """NVIDIA's NVRTC wheel: two libraries, one of them versioned by CUDA's minor."""
    short = ".".join(version.split(".")[:2])
    files = {
        f"nvidia/cuda_nvrtc/lib/{name}": shared_library(Library(name, f"stand-in {name}"))
        for name in (f"libnvrtc.so.{major}", f"libnvrtc-builtins.so.{short}")
    }
    name = "nvidia-cuda-nvrtc" if int(major) >= 13 else f"nvidia-cuda-nvrtc-cu{major}"
    return write_companion(folder, name, version, files)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed") / "downloads"
    folder.mkdir()
    for release in RELEASES:
        write_archive(release, folder)
    for major, version in CUBLAS.items():
        write_cublas_wheel(major, version, folder)
    for major, version in NVRTC.items():
        write_nvrtc_wheel(major, version, folder)
    return folder


@pytest.fixture(scope="module")
def closed(downloads: Path, site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A site whose channel is everything there is."""
    home, key = site_key_master
    project = Project(tmp_path_factory.mktemp("site") / "project", key=key.fingerprint, gnupg=home.path).init()
    project.sections.append("[build]\nclosed-channel = true\n")
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(downloads))
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn-*"], recipe="cudnn", outputs=["conda"])
    project.add("pin", upstream=DOWNLOADS, packages=["nvidia_cublas_cu11-*"], recipe="cudatoolkit", cuda="11.8")
    project.add("pin", upstream=DOWNLOADS, packages=["nvidia_cublas_cu12-*", "nvidia_cublas-*"], recipe="libcublas")
    project.add("pin", upstream=DOWNLOADS, packages=["nvidia_cuda_nvrtc*"], recipe="cuda-nvrtc")
    project.accept_eula(*map(licence, RELEASES), *(licence(CudnnRelease(v, m)) for m, v in CUBLAS.items()))
    project.accept_eula(b"stand-in NVRTC licence\n")
    project.publish()
    return project


@pytest.mark.parametrize(
    ("release", "driver", "companions"),
    [
        (RELEASES[0], "11.8", {"cudatoolkit", "cuda-nvrtc", "cuda-version"}),
        (RELEASES[1], "12.9", {"libcublas", "cuda-nvrtc", "cuda-version"}),
        (RELEASES[2], "13.0", {"libcublas", "cuda-nvrtc", "cuda-version", "libcudnn", "libcudnn-dev"}),
    ],
    ids=["8", "9-cu12", "9-cu13"],
)
def test_cudnn_installs_from_this_channel_alone(
    closed: Project, release: CudnnRelease, driver: str, companions: set[str], tmp_path: Path
) -> None:
    channel = (closed.site / "conda/main").as_uri()
    found = conda_env.create([channel], ["cudnn"], tmp_path / "env", cuda=driver)
    assert set(found) == companions | {"cudnn"}
    assert found["cudnn"].version == release.version, "the driver decides which build fits"
    lib = tmp_path / "env/lib"
    assert (lib / f"libcublas.so.{release.cuda_major}").is_file()
    assert load_cudnn(lib, f"libcudnn.so.{release.major}") == release.number


def test_versions_go_together(closed: Project, tmp_path: Path) -> None:
    channel = (closed.site / "conda/main").as_uri()
    found = conda_env.solve([channel], ["cudnn", "cuda-version=12.9"], tmp_path / "cache", cuda="13.0")
    assert {name: one.version for name, one in found.items()} == {
        "cudnn": "9.5.1.17",
        "cuda-version": "12.9",
        "libcublas": "12.9.1.4",
        "cuda-nvrtc": "12.9.86",
    }


def test_repackaging_again_builds_nothing(closed: Project) -> None:
    again = closed.run("repackage", "--json").json
    assert again["run"] == 0
    assert "cuda-version" in json.dumps(again["built"])


def test_what_the_channel_lacks_is_named(downloads: Path, project: Project) -> None:
    project.sections.append("[build]\nclosed-channel = true\n")
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(downloads))
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn-*cuda12*"], recipe="cudnn", outputs=["conda"])
    project.accept_eula(licence(RELEASES[1]))
    project.run("lock")
    project.run("sync")
    failed = project.fail(3, "repackage")
    assert "cuda-nvrtc, cuda-version, libcublas" in failed.error
    assert "nvidia-cublas" in failed.hint
