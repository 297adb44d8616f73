"""A site that has cuDNN 7 beside two versions of cuDNN 8, and one of these for arm64 too."""

from __future__ import annotations

from simulator.cudnn import CudnnRelease
from simulator.nvidia import Nvidia
from simulator.project import APT, Project

SEVEN, EIGHT, NEWER = "7.6.5.32-1+cuda10.2", "8.0.5.39-1+cuda11.1", "8.9.7.29-1+cuda11.8"
_MORE = (
    CudnnRelease("7.6.5.32", "10.2"),
    CudnnRelease("8.9.7.29", "11"),
    CudnnRelease("8.0.5.39", "11.1", "aarch64"),
)  # 8.0.5.39 for amd64 is NVIDIA's in all tests


def both_majors(nvidia: Nvidia, project: Project) -> Project:
    """Let NVIDIA offer all of it, pin it, publish the site, and return the project."""
    nvidia.repo.add(*(deb for one in _MORE for deb in nvidia.artifacts.build(one).debs))
    nvidia.repo.publish()
    keys, rings = [nvidia.key.fingerprint], [str(nvidia.key_file)]
    machines = ["amd64", "arm64"]
    project.add("upstream", name=APT, type="apt", url=nvidia.apt_url, keys=keys, keyrings=rings, architectures=machines)
    project.add("pin", upstream=APT, packages=["libcudnn7*"], architectures=["amd64"])
    project.add("pin", upstream=APT, packages=["libcudnn8", "libcudnn8-dev"], cuda="11.1")
    project.add("pin", upstream=APT, packages=["libcudnn8", "libcudnn8-dev"], cuda="11.8", architectures=["amd64"])
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    return project
