"""NVIDIA's own cuDNN 8.5.0.96 for CUDA 11 (557 MB of wheel, 901 MB of libraries): wheel → conda → load → version."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.main_job import pip_index_url
from simulator.sections import wheel_upstream
from tests.clients import conda_env
from tests.clients.python_env import load_cudnn
from tests.integration.world import Project

pytestmark = [pytest.mark.slow, pytest.mark.lengthy, pytest.mark.xdist_group("real-wheel")]
PIN = 'nvidia-cudnn-cu11==8.5.0.96 | recipe = "cudnn"\noutputs = ["conda"]'


def test_the_largest_of_the_old_releases_loads_from_conda(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.init()
    project.append(wheel_upstream(pip_index_url(), PIN))
    project.cudepot("lock")
    project.cudepot("sync")
    project.accept_licence()
    project.cudepot("repackage")
    project.cudepot("publish")
    (package,) = (project.site / "conda/main/linux-64").glob("*.conda")
    assert package.stat().st_size < 410e6, "the window finds what repeats between the libraries"
    standin = conda_env.standin_channel(tmp_path / "forge")
    channels = [(project.site / "conda/main").as_uri(), standin.as_uri()]
    found = conda_env.create(channels, ["cudnn"], tmp_path / "env", cuda="11.8")
    assert found["cudnn"].version == "8.5.0.96"
    assert load_cudnn(tmp_path / "env/lib", "libcudnn.so.8") == 8500
    assert project.cudepot("verify", str(package)).stdout.count("FAULT") == 0
