"""One site with everything for clients: debs, rpms, conda packages, wheels, files; published once for several tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.installers import rpm_installer, write_installer
from simulator.nvidia import Artifacts, Nvidia
from simulator.rpms import write_rpm
from simulator.sections import apt_upstream, folder_upstream, wheel_upstream
from simulator.windows import write_zip
from simulator.yum import Rhel, RhelArtifacts
from tests.integration.world import Project

APT, YUM = "ubuntu2004/x86_64", "rhel8/x86_64"
DEBS = tuple(f"{name}=8.0.5.39-1+cuda{cuda}" for cuda in ("11.1", "10.2") for name in ("libcudnn8", "libcudnn8-dev"))
RPM = "libcudnn8-8.0.5.39-1.cuda11.1"


def yum_upstream(rhel: Rhel) -> str:
    """Return the sections for NVIDIA's yum repository and a pin on it."""
    return f"""
[[upstream]]
name = "{YUM}"
type = "yum"
url = "{rhel.url}"
keys = ["{rhel.key.fingerprint}"]
rpm-keys = ["{rhel.key.fingerprint}"]
keyrings = ["{rhel.key_file}"]

[[pin]]
upstream = "{YUM}"
packages = ["{RPM}"]
"""


def downloads(nvidia: Nvidia, rhel: Rhel) -> str:
    """Put installers, a zip and a text beside the archives, and return the sections that publish all of it."""
    debs = nvidia.built("11.1").debs
    write_installer(nvidia.downloads, nvidia.keys, nvidia.other_key, *debs)
    rpms = [rhel.artifacts.rpms[f"{one}.x86_64"] for one in (RPM, RPM.replace("cudnn8", "cudnn8-devel"))]
    write_rpm(rpm_installer(nvidia.folder / "rpms", rhel.keys, rhel.key, *rpms, version="8.0.5.39"), nvidia.downloads)
    write_zip(CudnnRelease("8.0.5.39", "11.1"), nvidia.downloads)
    (nvidia.downloads / "it's a note.txt").write_text("kept beside them\n")
    for one in nvidia.downloads.glob("*.tree"):
        shutil.rmtree(one)
    return folder_upstream(nvidia.downloads, "*")


@pytest.fixture(scope="session")
def showcase(
    nvidia_artifacts: Artifacts, rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """The published project; NVIDIA is gone. Read only."""
    project = Project(tmp_path_factory.mktemp("showcase") / "project")
    with (
        Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("upstream")) as nvidia,
        Rhel(rhel_artifacts, tmp_path_factory.mktemp("yum")) as rhel,
    ):
        publish(project, nvidia, rhel)
    return project


def publish(project: Project, nvidia: Nvidia, rhel: Rhel) -> None:
    """Take the project from nothing to a published site."""
    project.init()
    project.append(apt_upstream(nvidia, DEBS, 'recipe = "cudnn"\noutputs = ["mirror", "conda", "wheel"]'))
    project.append(wheel_upstream(nvidia.simple_url, "nvidia-cublas-cu11"))
    project.append(yum_upstream(rhel))
    project.append(downloads(nvidia, rhel))
    project.cudepot("lock")
    project.cudepot("sync")
    project.accept_licence()
    project.cudepot("repackage")
    project.cudepot("publish")


def exported(project: Project, form: str, url: str, folder: Path, *options: str) -> Path:
    """Write an export into a folder, under the format's name, and return the file."""
    path = folder / (form if "." in form else f"{form}.txt")
    project.cudepot("export", form, "--url", url, "--output", str(path), *options)
    return path
