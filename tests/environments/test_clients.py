"""A team's environment through real clients on a machine that reaches the site and nothing else."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.ml_team import NVIDIA, TORCH, MlTeam
from simulator.project import Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from tests.clients.alone import Alone, why_not
from tests.clients.pips import PIPS
from tests.clients.python_env import PythonEnv
from tests.environments.locked import versions, want

PYTHON = f"3.{sys.version_info.minor}"
TARGET = f"linux-64-py{PYTHON}"
IMPORTS = "import torch, torchvision, transformers, accelerate, tensorrt_cu13, nvidia_cudnn_cu13"
pytestmark = [
    pytest.mark.xdist_group("environment clients"),
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="wheels for x86_64 get installed"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]


@pytest.fixture(scope="module")
def shown(site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that shows the environment; its indexes are gone by then."""
    folder, (home, key) = tmp_path_factory.mktemp("shown"), site_key_master
    project = Project(folder / "project", key=key.fingerprint, gnupg=home.path).init()
    with MlTeam(folder / "team") as team:
        team.add_upstreams(project)
        wheels = ("torch", "torchvision", "transformers[torch]", "tensorrt-cu13", "numpy")
        want(project, *wheels, python=[PYTHON], indexes={"torch": TORCH, "torchvision": TORCH, "tensorrt-*": NVIDIA})
        for verb in ("lock", "sync", "publish"):
            project.run(verb)
    return project


@pytest.fixture(scope="module")
def machine(shown: Project) -> Iterator[Alone]:
    with Alone(shown.base) as machine:
        yield machine


@pytest.fixture(scope="module")
def requirements(shown: Project, machine: Alone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``export`` writes for the target of this machine."""
    file = tmp_path_factory.mktemp("export") / "requirements.txt"
    file.write_text(shown.run("export", "--environment", "train", "--target", TARGET, "--url", machine.url).out)
    assert "--hash=sha256:" in file.read_text()
    return file


def check(env: PythonEnv, project: Project) -> None:
    """Hold that what is installed is what is locked, is whole, and can be imported."""
    listed = env.run("import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]").stdout
    found = {name.replace("-", "_").lower(): version for name, version in map(str.split, listed.splitlines())}
    locked = versions(project, TARGET)
    assert {name: found.get(name) for name in locked} == locked
    said = env.run(f"{IMPORTS}; print(torch.__version__, torch.built_for)").stdout
    assert said.startswith("2.9.1+cu130 cp")
    assert said.endswith("manylinux_2_28_x86_64\n")
    assert "No broken requirements" in env.pip("check").stdout


@pytest.mark.parametrize("version", [PIPS[0], *(pytest.param(one, marks=pytest.mark.lengthy) for one in PIPS[1:])])
def test_pip_installs_what_is_locked_with_hashes_required(
    shown: Project,
    machine: Alone,
    requirements: Path,
    pip_wheel: Callable[[str], Path],
    version: str,
    tmp_path: Path,
) -> None:
    env = PythonEnv(tmp_path / "env", pip_wheel(version), machine.prefix)
    env.pip_install(f"{machine.url}/simple/", options=("--require-hashes", "-r", str(requirements)))
    check(env, shown)


def test_uv_installs_what_is_locked_with_hashes_required(
    shown: Project, machine: Alone, requirements: Path, tmp_path: Path
) -> None:
    env = PythonEnv(tmp_path / "env", prefix=machine.prefix)
    env.uv_install(f"{machine.url}/simple/", options=("--require-hashes", "-r", str(requirements)))
    check(env, shown)


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_names_alone_give_just_the_solution_at_the_index_of_the_environment(
    shown: Project, machine: Alone, client: str, tmp_path: Path
) -> None:
    env = PythonEnv(tmp_path / "env", prefix=machine.prefix)
    index = f"{machine.url}/environments/train/simple/"
    getattr(env, f"{client}_install")(index, "torch", "torchvision", "transformers[torch]", "tensorrt-cu13")
    check(env, shown)


def test_an_index_of_an_environment_has_what_it_needs_though_some_is_yanked(project: Project, tmp_path: Path) -> None:
    with PythonIndex(tmp_path / "index") as index:
        index.add(Dist("cp-a", "1.0"))
        project.add("upstream", name="pypi", type="simple", url=index.url)
        want(project, "cp-a", python=[PYTHON])
        project.run("lock")
        index.yank("cp_a-1.0-py3-none-any.whl", "loses data")
        for verb in ("lock", "sync", "publish"):
            project.run(verb)
    with Alone(project.base) as machine:
        env = PythonEnv(tmp_path / "env", prefix=machine.prefix)
        env.pip_install(f"{machine.url}/environments/train/simple/", "cp-a")


def test_this_machine_reaches_nothing_else(machine: Alone, tmp_path: Path) -> None:
    env = PythonEnv(tmp_path / "env", prefix=machine.prefix)
    with MlTeam(tmp_path / "team") as team:
        assert env.pip_install(team.pypi.url, "numpy", options=("--retries", "0"), check=False).returncode
        assert not team.pypi.server.requests
