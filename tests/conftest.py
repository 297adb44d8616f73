"""Fixtures of all tests: NVIDIA on loopback, and a site key; what takes time is made once per session."""

from __future__ import annotations

import gc
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from simulator.built import FOLDER
from simulator.el import El, ElArtifacts
from simulator.keys import Key, KeyHome
from simulator.nvidia import Artifacts, Nvidia
from simulator.process import clean_env
from simulator.project import Project
from simulator.site_key import SiteKey
from simulator.warm import Warm
from simulator.yum import Rhel, RhelArtifacts
from tests.groups import group_of
from tests.projects import (  # noqa: F401 - fixtures
    dists,
    flat,
    grown,
    grown_template,
    project,
    shown,
    shown_template,
    upstream,
    upstream_key,
    world,
)  # fmt: skip
from tests.sites import s3_server  # noqa: F401 - a fixture

import cudepot

TESTS = Path(__file__).parent

# A busy machine is no fault: neither how long an example takes nor how long it takes to think of one.
_STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("cudepot", _STEADY)
settings.register_profile("cudepot-short", _STEADY, max_examples=40)
settings.load_profile("cudepot")


def pytest_configure(config: pytest.Config) -> None:
    """Try fewer examples where the lengthy tests are left out too; let workers share what is built."""
    if "not lengthy" in config.option.markexpr:
        settings.load_profile("cudepot-short")
    if FOLDER not in os.environ:
        shared = tempfile.TemporaryDirectory(prefix="built-")
        os.environ[FOLDER] = shared.name
        config.add_cleanup(shared.cleanup)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run the tests that share what takes long to make."""
    for item in items:
        if group := group_of(item):
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the tests themselves: some libraries collect after every file."""
    gc.freeze()


def is_pure(path: Path) -> bool:
    """Return whether a test file is one of the pure rooms."""
    rooms = path.relative_to(TESTS).parts[:-1]
    return bool(rooms) and (
        rooms[0] in ("base", "catalog", "formats") or (rooms[0] == "kinds" and rooms[-1] == "rules")
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold that tests of pure rooms start no program but where they say so: the others take seconds together.

    Their fixtures, and what is taken down after the last of them, are others'.
    """
    with pytest.MonkeyPatch.context() as patch:
        if is_pure(item.path) and not any(map(item.get_closest_marker, ("tools", "slow"))):
            patch.setattr(subprocess, "Popen", _NoProgram)
        return (yield)


class _NoProgram:
    def __init__(self, command: object, *_: object, **__: object) -> None:
        raise AssertionError(f"a test of a pure room starts {command}: mark it with tools")


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    """Let projects run verbs in copies of one loaded process: to start anew is most of what a short run takes."""
    path = str(Path(cudepot.__file__).parent.parent)
    with pytest.MonkeyPatch.context() as patch, Warm(clean_env(PYTHONPATH=path)) as one:
        patch.setattr(Project, "warm", one)
        yield


@pytest.fixture(scope="session")
def nvidia_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Artifacts]:
    """Everything NVIDIA publishes, built once; read only."""
    artifacts = Artifacts(tmp_path_factory.mktemp("nvidia"))
    yield artifacts
    artifacts.keys.close()


@pytest.fixture
def nvidia(nvidia_artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nvidia]:
    """NVIDIA for this test alone: serve, publish, break."""
    with Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("upstream")) as one:
        yield one


@pytest.fixture(scope="session")
def rhel_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RhelArtifacts]:
    """NVIDIA's yum repository, built once; read only."""
    artifacts = RhelArtifacts(tmp_path_factory.mktemp("rhel"))
    yield artifacts
    artifacts.keys.close()


@pytest.fixture
def rhel(rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rhel]:
    """NVIDIA's yum repository for this test alone: serve, publish, break."""
    with Rhel(rhel_artifacts, tmp_path_factory.mktemp("yum")) as one:
        yield one


@pytest.fixture(scope="session")
def el_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElArtifacts]:
    """A small Enterprise Linux in four yum repositories, built once; read only."""
    artifacts = ElArtifacts(tmp_path_factory.mktemp("el"))
    yield artifacts
    artifacts.keys.close()


@pytest.fixture
def el(el_artifacts: ElArtifacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[El]:
    """That Enterprise Linux for this test alone: serve, add, publish."""
    with El(el_artifacts, tmp_path_factory.mktemp("el")) as one:
        yield one


@pytest.fixture(scope="session")
def site_key_master() -> Iterator[tuple[KeyHome, Key]]:
    """The site key, made once."""
    with KeyHome() as home:
        yield home, home.generate("Site Mirror <mirror@example.com>")


@pytest.fixture
def site_key(site_key_master: tuple[KeyHome, Key], tmp_path: Path) -> Iterator[SiteKey]:
    """A copy of the site key's home for this test alone."""
    master, key = site_key_master
    keyring, key_file = tmp_path / "site-key.gpg", tmp_path / "site-key.asc"
    keyring.write_bytes(key.binary)
    key_file.write_bytes(key.armored)
    with master.copy() as home:
        yield SiteKey(home.path, key, keyring, key_file)
