"""What `client pip` and `client conda` write, read by the real pip and uv; what they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from simulator.process import clean_env, run
from tests.clients import http
from tests.clients.python_env import PythonEnv, uv
from tests.integration.showcase import showcase  # noqa: F401 - a fixture
from tests.integration.world import Project


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_pip_and_uv_ask_the_site_unasked(showcase: Project, url: str, tool: str, tmp_path: Path) -> None:  # noqa: F811
    showcase.cudepot("client", "pip", "--url", url, "--output", str(tmp_path / "clients"))
    env, etc = PythonEnv(tmp_path / "venv"), tmp_path / "clients/etc"
    spec = "nvidia-cudnn-cu11==8.0.5.39"
    if tool == "pip":
        pip = clean_env(PIP_CONFIG_FILE=str(etc / "pip.conf"), HOME=str(tmp_path))
        run(env.python, "-m", "pip", "install", "--no-cache-dir", spec, env=pip)
    else:
        argv = ("pip", "install", "--no-cache", "--config-file", etc / "uv/uv.toml", "--python", env.python, spec)
        run(uv(), *argv, env=clean_env(HOME=str(tmp_path), UV_PYTHON_DOWNLOADS="never"))
    listed = json.loads(env.pip("list", "--format", "json").stdout)
    assert {one["name"] for one in listed} >= {"nvidia-cudnn-cu11", "nvidia-cublas-cu11"}


def test_the_condarc_names_the_site_and_what_was_added(showcase: Project, tmp_path: Path) -> None:  # noqa: F811
    argv = ("--url", "https://packages.example/", "--also", "https://mirror.example/conda-forge/")
    done = showcase.cudepot("client", "conda", *argv, "--output", str(tmp_path))
    assert "--override-channels -c https://packages.example/conda/main cudnn" in done.stdout
    text = (tmp_path / "etc/conda/.condarc").read_text()
    found = yaml.safe_load(text)
    channels = ["https://packages.example/conda/main", "https://mirror.example/conda-forge"]
    assert found["channels"] == found["default_channels"] == channels
    assert found["channel_alias"] == "https://packages.example/conda"
    assert all("#!final" in line for line in text.splitlines() if line[0].isalpha())
