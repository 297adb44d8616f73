"""The index that this machine's uv takes from: cudepot locks what ``uv lock`` does there, with the files that fit.

Its host is what uv says at run time, and is written into no file of the repository. Both look at the index as of one
day, so that a release in between makes no difference.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import tomli_w
from packaging.utils import parse_wheel_filename
from simulator.process import clean_env
from simulator.project import Project
from tests.environments.locked import files, want

from cudepot.builders.uv_program import find_uv
from cudepot.kinds.wheels.rules.target import Target, markers, tags

pytestmark = [pytest.mark.slow, pytest.mark.lengthy]
DAY = f"{datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2):%Y-%m-%d}"
LINUX, PLATFORMS = ("linux-64",), ("linux-64", "linux-aarch64", "win-64")
CERTIFICATES = {
    name: os.environ[name] for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if name in os.environ
}
Pairs = set[tuple[str, str]]


def targets(platforms: Sequence[str], pythons: Sequence[str], glibc: str = "2.28") -> list[Target]:
    return [Target(one, python, glibc if "linux" in one else "") for one in platforms for python in pythons]


def by_uv(folder: Path, wheels: Sequence[str], machines: Sequence[Target]) -> tuple[str, Pairs]:
    """Return the URL of uv's index, and the projects and versions that ``uv lock`` comes to."""
    folder.mkdir()
    project = {"name": "x", "version": "0", "requires-python": ">=3.11", "dependencies": list(wheels)}
    settings = {"package": False, "environments": markers(machines)}
    (folder / "pyproject.toml").write_text(tomli_w.dumps({"project": project, "tool": {"uv": settings}}))
    command = [find_uv(), "lock", "-p", sys.executable, "--no-python-downloads", "--no-cache", "--exclude-newer", DAY]
    done = subprocess.run(
        command, cwd=folder, env=clean_env() | CERTIFICATES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    packages = [one for one in tomllib.loads((folder / "uv.lock").read_text())["package"] if "version" in one]
    there = [one for one in packages if "registry" in one["source"]]
    return there[0]["source"]["registry"], {(one["name"], one["version"]) for one in there}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return by_uv(tmp_path_factory.mktemp("url") / "uv", ["six"], targets(LINUX, ["3.12"]))[0].rstrip("/") + "/"


@pytest.fixture
def real(project: Project, url: str) -> Project:
    project.add("upstream", name="pypi", type="simple", url=url)
    project.env |= CERTIFICATES
    return project


def pairs(filenames: Sequence[str]) -> Pairs:
    return {(str(name), str(version)) for name, version, *_ in map(parse_wheel_filename, filenames)}


@pytest.mark.parametrize(
    ("wheels", "platforms", "pythons"),
    [
        (("torch==2.9.1",), LINUX, ("3.12",)),
        (
            ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "transformers", "jupyterlab"),
            PLATFORMS, ("3.11", "3.12", "3.13"),
        ),
        (("numpy<1.25", "pandas", "scikit-learn", "scipy"), ("linux-64", "win-64"), ("3.11",)),
        (("redis[hiredis]==5.0.8", "async-timeout"), LINUX, ("3.11.2", "3.11.9")),
        (("jax[cuda12]", "transformers[sentencepiece]"), ("linux-64", "linux-aarch64"), ("3.12",)),
    ],
    ids=["torch", "team", "old-releases", "patch-levels", "extras"],
)  # fmt: skip
def test_what_uv_locks_is_locked_with_the_wheels_that_fit(
    real: Project, tmp_path: Path, wheels: tuple[str, ...], platforms: tuple[str, ...], pythons: tuple[str, ...]
) -> None:
    machines = targets(platforms, pythons)
    expected = by_uv(tmp_path / "uv", wheels, machines)[1]
    want(real, *wheels, platforms=list(platforms), python=list(pythons), **{"exclude-newer": DAY})
    real.run("lock")
    found = {one.name: files(real, one.name) for one in machines}
    assert set().union(*map(pairs, found.values())) == expected
    for target in machines:
        names = found[target.name]
        assert len(pairs(names)) == len(names), "one wheel of each version"
        assert all(parse_wheel_filename(one)[3] & tags(target).keys() for one in names)
    if wheels == ("torch==2.9.1",):
        assert len(expected) == 26


def test_what_cannot_be_met_is_said_with_both_sides(real: Project) -> None:
    want(real, "torch==2.9.1", "nvidia-cudnn-cu12==9.1.0.70", **{"exclude-newer": DAY})
    done = real.run("lock", check=False)
    assert done.rc == 6
    assert "torch==2.9.1 depends on nvidia-cudnn-cu12==9.10.2.21" in done.err
    assert "the environment asks for nvidia-cudnn-cu12==9.1.0.70" in done.err


def test_what_has_no_wheel_for_the_c_library_is_named_at_once(real: Project) -> None:
    want(real, "torch==2.9.1", glibc="2.17", **{"exclude-newer": DAY})
    done = real.run("lock", check=False)
    assert done.rc == 6
    assert "6 projects lack wheels for some targets" in done.err
    assert all(f"  {one} " in done.err for one in ("torch", "triton", "nvidia-cudnn-cu12", "nvidia-cublas-cu12"))
    assert 'with `glibc = "2.28"` there are wheels for all' in done.err
