"""Wheels built here, installed by the pips of old distributions, which know none of PEP 600's tags."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.clients.python_env import PythonEnv, load_cudnn
from tests.integration.showcase import showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "version",
    [  # the first to know manylinux2014; Ubuntu 20.04's; the last without PEP 600
        "19.3.1",
        pytest.param("20.0.2", marks=pytest.mark.lengthy),
        pytest.param("20.2.4", marks=pytest.mark.lengthy),
    ],
)
def test_an_old_pip_installs_the_wheel_of_cudnn_8(showcase: Project, version: str, tmp_path: Path) -> None:  # noqa: F811
    env = PythonEnv(tmp_path / "venv")
    old = ("setuptools<60", f"pip=={version}")
    subprocess.run([env.python, "-m", "pip", "install", "-q", *old], check=True)  # with this machine's own settings
    assert env.pip("--version").stdout.startswith(f"pip {version} ")
    env.pip_install((showcase.site / "simple").as_uri() + "/", "nvidia-cudnn-cu11==8.0.5.39")
    assert load_cudnn(env.lib, "libcudnn.so.8") == 8005
