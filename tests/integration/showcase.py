"""One site that has everything for clients: debs, rpms, conda packages and wheels; published once for several tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.world import Project, apt_upstream, wheel_upstream
from tests.upstream.nvidia import Artifacts, Nvidia
from tests.upstream.yum import Rhel, RhelArtifacts

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
