"""Two depots with nothing between them but bundle files: three increments, real clients, and back again."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from simulator.nvidia import Artifacts, Nvidia
from simulator.sections import apt_upstream, wheel_upstream
from tests.clients import conda_env, http
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv, load_cudnn
from tests.integration.world import Project

RUNTIME = "libcudnn8=8.0.5.39-1+cuda11.1"
DEV = "libcudnn8-dev=8.0.5.39-1+cuda11.1"
BUILT = 'recipe = "cudnn"\noutputs = ["mirror", "conda", "wheel"]'


@pytest.fixture(scope="module")
def medium(nvidia_artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """What is carried over: bundles and the site's key, the upstream key's fingerprint, the licence's hash.

    The near side and NVIDIA are gone when this returns.
    """
    folder = tmp_path_factory.mktemp("near")
    medium = tmp_path_factory.mktemp("medium")
    near = Project(folder / "near")
    near.init()
    empty = near.toml.read_text()
    with Nvidia(nvidia_artifacts, folder / "upstream") as nvidia:
        key = nvidia.key.fingerprint
        near.append(apt_upstream(nvidia, (RUNTIME,)))
        _publish(near, medium / "first.tar", "--since", "0")
        near.toml.write_text(empty + apt_upstream(nvidia, (RUNTIME, DEV), BUILT))
        for verb in ("lock", "sync"):
            near.cudepot(verb)
        licence = near.accept_licence()
        _publish(near, medium / "second.tar", "--since", "1", "--split", "300K")
        near.append(wheel_upstream(nvidia.simple_url, "nvidia-cublas-cu11"))
        _publish(near, medium / "third.tar", "--since", "2")
    shutil.copy(near.site / "keys/site.asc", medium)
    shutil.rmtree(folder)
    return medium, key, licence


def _publish(near: Project, *export: str | Path) -> None:
    for verb in ("lock", "sync", "repackage", "publish"):
        near.cudepot(verb)
    near.cudepot("bundle", "export", *map(str, export))


@pytest.mark.slow
@pytest.mark.lengthy
def test_three_increments_cross_the_gap(medium: tuple[Path, str, str], tmp_path: Path) -> None:
    bundles, key, licence = medium
    far = Project(tmp_path / "far")
    far.cudepot("init", "--from-site", str(bundles / "site.asc"), "--upstream-key", key)
    assert _take(far, bundles / "first.tar")["proved"][0]["signers"] == [key]
    far.cudepot("publish")
    with http.serve(far.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/ubuntu2004/x86_64/", far.site / "keys/site.gpg")
        root.update()
        root.install(RUNTIME)

        split = sorted(bundles.glob("second-*.tar"))
        assert len(split) > 2
        random.Random(1).shuffle(split)
        for volume in split[:-1]:
            assert _take(far, volume)["imported"] == []
        done = _take(far, split[-1])
        assert (done["imported"], done["licences"]) == ([2], [licence])
        far.cudepot("publish")
        root.update()
        root.install(DEV)
        _conda(far, tmp_path)
        assert _take(far, bundles / "third.tar")["imported"] == [3]
        far.cudepot("publish")
        _pip(site.url, tmp_path)
        assert json.loads(far.cudepot("verify", "--json").stdout)["faults"] == []

        far.cudepot("rollback", "1")
        fresh = AptRoot(tmp_path / "fresh")
        fresh.add_source(f"{site.url}/apt/ubuntu2004/x86_64/", far.site / "keys/site.gpg")
        fresh.update()
        fresh.install(RUNTIME)
        assert not (far.site / "conda").exists()
        root.update()  # a client that has seen newer roots keeps them, and complains of nothing
    assert json.loads(far.cudepot("verify", "--json").stdout)["faults"] == []


def _take(far: Project, *volumes: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(far.cudepot("bundle", "import", "--json", *map(str, volumes)).stdout)
    return found


def _conda(far: Project, tmp_path: Path) -> None:
    channels = [(far.site / "conda/main").as_uri(), conda_env.standin_channel(tmp_path / "forge").as_uri()]
    conda_env.create(channels, ["cudnn=8.0.5.39"], tmp_path / "env", cuda="11.1")
    assert load_cudnn(tmp_path / "env/lib", "libcudnn.so.8") == 8005


def _pip(url: str, tmp_path: Path) -> None:
    env = PythonEnv(tmp_path / "venv")
    env.pip_install(f"{url}/simple/", "nvidia-cudnn-cu11==8.0.5.39")
    assert load_cudnn(env.lib, "libcudnn.so.8") == 8005
