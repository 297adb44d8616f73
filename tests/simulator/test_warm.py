"""A run in a copy of a loaded process is the run that starts anew: the other tests rest on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from simulator.project import Project, snapshot_of
from simulator.warm import Warm


@pytest.fixture
def one() -> Warm:
    assert Project.warm
    return Project.warm


def anew(project: Project, *argv: str) -> tuple[int, str, str]:
    child = project.start(*argv)
    out, err = child.communicate()
    return child.returncode, out, err


@pytest.mark.parametrize("argv", [("status",), ("lokc",), ("--help",), ("lock", "--json"), ("snapshots", "9")])
def test_it_says_what_a_run_says_that_starts_anew(one: Warm, project: Project, argv: tuple[str, ...]) -> None:
    done = project.run(*argv, check=False)
    assert (done.rc, done.out, done.err) == anew(project, *argv)
    assert done.out + done.err


def test_it_sees_folder_umask_and_environment_of_its_caller(
    one: Warm, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = os.umask(0o077)
    try:
        assert one.run(["init", "-C", "here"], project.env, 60)[0] == 0
    finally:
        os.umask(old)
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o700
    narrow, wide = (one.run(["--help"], project.env | {"COLUMNS": columns}, 60)[1] for columns in ("40", "80"))
    assert len(narrow.splitlines()) > len(wide.splitlines()) > 0


def test_what_works_at_the_start_of_python_is_left_to_a_run_that_starts_anew(one: Warm, project: Project) -> None:
    assert one.takes(project.env | {"PATH": "/elsewhere", "HOME": "/elsewhere"})
    for name in ("PYTHONPATH", "PYTHONHASHSEED", "LC_ALL", "LD_PRELOAD", "TZ"):
        assert not one.takes(project.env | {name: "other"})


def test_what_takes_too_long_is_killed(one: Warm, shown: Project) -> None:
    before = snapshot_of(shown.site)
    with pytest.raises(subprocess.TimeoutExpired):
        shown.run("publish", timeout=0.01)
    assert one.run(["status", "-C", str(shown.base)], shown.env, 60)[0] == 0
    assert snapshot_of(shown.site) == before
