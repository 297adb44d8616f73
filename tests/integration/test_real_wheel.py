"""NVIDIA's own cuDNN 9.12.0.46 for CUDA 13 (314 MB) from the package index this machine's pip uses, and back again."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from bench.main_job import WHEEL, pip_index_url
from simulator.sections import wheel_upstream
from tests.clients import conda_env, http
from tests.clients.python_env import PythonEnv, load_cudnn
from tests.integration.world import Project

pytestmark = [pytest.mark.slow, pytest.mark.lengthy, pytest.mark.xdist_group("real-wheel")]
VERSION = 91200


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A site with NVIDIA's libraries as conda packages and as a wheel of ours."""
    project = Project(tmp_path_factory.mktemp("real") / "project")
    project.init()
    project.append(wheel_upstream(pip_index_url(), f'{WHEEL} | recipe = "cudnn"'))
    project.cudepot("lock")
    project.cudepot("sync")
    project.accept_licence()
    project.cudepot("repackage")
    project.cudepot("publish")
    return project


@pytest.fixture(scope="module")
def shipped(published: Project) -> dict[str, str]:
    """SONAME → sha256 of every library in NVIDIA's wheel."""
    locked = json.loads(published.cudepot("lock", "--json").stdout)["artifacts"][0]["digest"]["sha256"]
    wheel = published.folder / "store" / "objects" / locked[:2] / locked
    with zipfile.ZipFile(wheel) as archive:
        names = [one for one in archive.namelist() if ".so" in one]
        found = {Path(one).name: _sha256_of_member(archive, one) for one in names}
    assert len(found) == 8
    return found


def _sha256_of_member(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def test_a_fresh_conda_environment_loads_nvidias_own_bytes(
    published: Project, shipped: dict[str, str], tmp_path: Path
) -> None:
    standin = conda_env.standin_channel(tmp_path / "forge")
    with http.serve(published.site) as site:
        channels = [f"{site.url}/conda/main", standin.as_uri()]
        found = conda_env.create(channels, ["cudnn"], tmp_path / "env", cuda="13.0")
    assert found["cudnn"].version == found["libcudnn"].version == "9.12.0.46"
    lib = tmp_path / "env" / "lib"
    assert {name: _sha256(lib / name) for name in shipped} == shipped
    assert load_cudnn(lib, "libcudnn.so.9") == VERSION
    assert (lib / "libcudnn_ops.so").resolve().name == "libcudnn_ops.so.9.12.0"


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_fresh_venv_loads_them_from_the_wheel(
    published: Project, shipped: dict[str, str], tmp_path: Path, tool: str
) -> None:
    env = PythonEnv(tmp_path / "venv")
    with http.serve(published.site) as site:
        install = env.pip_install if tool == "pip" else env.uv_install
        # NVIDIA's cuBLAS is another 400 MB and no part of this test.
        install(f"{site.url}/simple/", WHEEL, options=("--no-deps",))
    assert {name: _sha256(env.lib / name) for name in shipped} == shipped
    assert load_cudnn(env.lib, "libcudnn.so.9") == VERSION
