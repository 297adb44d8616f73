"""A channel and an index of NVIDIA's real wheels alone: cuDNN, and cuBLAS and NVRTC of CUDA 13.0.2 (864 MB).

Skipped unless ``CUDEPOT_REAL_WHEELS`` names a folder that holds the three:

    pip download --no-deps -d FOLDER nvidia-cudnn-cu13==9.14.0.64 nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from simulator.process import run
from simulator.project import DOWNLOADS, Project
from tests.clients import conda_env, http
from tests.clients.python_env import PythonEnv, load_cudnn

WHEELS = {
    "nvidia_cudnn_cu13-9.14.0.64-*": "cudnn",
    "nvidia_cublas-13.*": "libcublas",
    "nvidia_cuda_nvrtc-13.*": "cuda-nvrtc",
}
FOLDER = Path(os.environ.get("CUDEPOT_REAL_WHEELS", "/nonexistent"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("real-closed"),
    pytest.mark.skipif(
        not all(any(FOLDER.glob(one)) for one in WHEELS), reason="CUDEPOT_REAL_WHEELS names no folder with the wheels"
    ),
]
VERSION = 91400


def licences(wheel: Path) -> set[bytes]:
    """Every licence text in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {archive.read(one) for one in archive.namelist() if ".dist-info/" in one and "icense" in one}


def libraries(wheel: Path) -> dict[str, str]:
    """SONAME → sha256 of the libraries in a wheel."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".so" in name:
                with archive.open(name) as stream:
                    found[Path(name).name] = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def project(site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A published site made of the three wheels, closed, with everything as wheels too."""
    home, key = site_key_master
    project = Project(tmp_path_factory.mktemp("real") / "project", key=key.fingerprint, gnupg=home.path).init()
    project.sections.append("[build]\nclosed-channel = true\n")
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(FOLDER))
    for glob, recipe in WHEELS.items():
        outputs = ["conda", "wheel"] if recipe == "cudnn" else ["conda", "mirror"]
        project.add("pin", upstream=DOWNLOADS, packages=[glob], recipe=recipe, outputs=outputs)
    project.accept_eula(*sorted({text for glob in WHEELS for one in FOLDER.glob(glob) for text in licences(one)}))
    project.publish()
    return project


@pytest.fixture(scope="module")
def shipped() -> dict[str, str]:
    """SONAME → sha256 of all libraries NVIDIA ships in the three wheels, less what is only a variant (``.alt``)."""
    found = {name: sha for glob in WHEELS for one in FOLDER.glob(glob) for name, sha in libraries(one).items()}
    return {name: sha for name, sha in found.items() if ".alt." not in name}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def test_cudnn_installs_and_loads_from_this_channel_alone(
    project: Project, shipped: dict[str, str], tmp_path: Path
) -> None:
    with http.serve(project.site) as site:
        found = conda_env.create([f"{site.url}/conda/main"], ["cudnn"], tmp_path / "env", cuda="13.0")
    names = {"cudnn", "libcudnn", "libcudnn-dev", "libcublas", "cuda-nvrtc", "cuda-version"}
    assert set(found) == names
    lib = tmp_path / "env" / "lib"
    assert {name: _sha256(lib / name) for name in shipped} == shipped
    assert load_cudnn(lib, "libcudnn.so.9") == VERSION
    cublas, nvrtc = (str(lib / one) for one in ("libcublas.so.13", "libnvrtc.so.13"))
    code = f"import ctypes; [ctypes.CDLL(one) for one in ({cublas!r}, {nvrtc!r})]"
    run(sys.executable, "-c", code)
    assert project.run("doctor", "--prefix", str(tmp_path / "env"), "--json").json["findings"] == []


def test_pip_installs_everything_from_this_index_alone(project: Project, tmp_path: Path) -> None:
    env = PythonEnv(tmp_path / "venv")
    with http.serve(project.site) as site:
        env.pip_install(f"{site.url}/simple/", "nvidia-cudnn-cu13==9.14.0.64")
    listed = {one["name"]: one["version"] for one in json.loads(env.pip("list", "--format=json").stdout)}
    assert listed["nvidia-cudnn-cu13"] == "9.14.0.64+acme.1"
    assert listed["nvidia-cublas"].startswith("13.")
    cublas = env.site_packages / "nvidia/cu13/lib/libcublas.so.13"
    assert load_cudnn(env.lib, "libcudnn.so.9", first=(cublas,)) == VERSION
