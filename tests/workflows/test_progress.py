"""Every verb that may take long says what it is doing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import APT, Project

from cudepot.cli.main import main
from cudepot.cli.steps import PATIENCE, Stepwise
from cudepot.workflows.build.unpack import Counting


def test_lock_says_what_it_waits_for(project: Project, nvidia: Nvidia) -> None:
    project.add_wheels(nvidia)
    stall = nvidia.server.stall("*/nvidia-cudnn-cu11/", at=0, times=1)
    child = project.start("lock")
    assert child.stderr is not None
    try:
        first = child.stderr.readline()
    finally:
        stall.release()
    child.communicate(timeout=120)
    assert first == "resolving wheels …\n"
    assert child.returncode == 0


def test_a_quiet_lock_says_nothing_however_long(project: Project, nvidia: Nvidia) -> None:
    project.add_wheels(nvidia)
    stall = nvidia.server.stall("*/nvidia-cudnn-cu11/", at=0, times=1)
    child = project.start("lock", "-q")
    assert stall.reached.wait(60)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(PATIENCE + 1)
    stall.release()
    assert child.communicate(timeout=120)[1] == ""


def steps_of(project: Project, *argv: str) -> str:
    """Run a verb in this process; return the steps it took, a line each."""
    steps: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stepwise, "step", lambda _, label: steps.append(label))
        assert main([argv[0], "-C", str(project.base), *argv[1:]]) == 0
    return "\n".join(steps)


def test_verbs_name_their_steps(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    assert steps_of(project, "lock").splitlines()[0] == f"resolving {APT}"
    project.run("sync")
    published = steps_of(project, "publish")
    for step in (f"building and signing the index of {APT}", "signing snapshot 1", "files to "):
        assert step in published
    project.sections[1] = project.sections[1].replace("libcudnn8-dev", "libcudnn8")
    project.write()
    project.run("lock")
    project.run("publish")
    assert "comparing snapshot 1 and snapshot 2" in steps_of(project, "diff", "1", "2")
    (project.store / "object-lists.json").unlink()  # else it need not read
    assert "reading snapshot 2" in steps_of(project, "snapshots")
    assert "artifacts in the store" in steps_of(project, "status")
    assert "signing the roots of snapshot 1 again" in steps_of(project, "rollback", "1")
    assert "removing " in steps_of(project, "gc", "--force")
    assert "following the indexes of snapshot 3" in steps_of(project, "verify")


def test_packing_counts_bytes_when_they_are_read(project: Project, nvidia: Nvidia) -> None:
    """Not a file at once when it is opened: that showed 7.4 GB/s and one second left, for 18 seconds."""
    project.add_downloads(nvidia)
    project.accept_eula(nvidia.built().parts.licence)
    project.run("lock")
    project.run("sync")
    counted: list[int] = []
    read = Counting.readinto
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Counting, "readinto", lambda self, buffer: read(self, memoryview(buffer)[:1000]))
        patch.setattr(
            Stepwise, "begin", lambda _, label, total, files=0: counted.append(0 if label.startswith("packing") else -1)
        )
        patch.setattr(Stepwise, "advance", lambda _, done, files=0: counted.append(done))
        patch.setattr(Stepwise, "end", lambda _: None)
        assert main(["repackage", "-C", str(project.base)]) == 0
    packed = counted[counted.index(0) :]
    assert len(packed) > 10
    assert max(packed) <= 1000


@pytest.fixture
def slow_gpg(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for PATH whose gpg waits until the second path is there."""
    real = shutil.which("gpg")
    folder, gate = tmp_path / "slow", tmp_path / "gate"
    folder.mkdir()
    (folder / "gpg").write_text(f'#!/bin/sh\nuntil [ -e "{gate}" ]; do sleep 0.05; done\nexec {real} "$@"\n')
    (folder / "gpg").chmod(0o755)
    return folder, gate


@pytest.mark.parametrize("verb", ["list", "add", "init"])
def test_verbs_about_keys_say_what_they_wait_for(
    verb: str, project: Project, nvidia: Nvidia, slow_gpg: tuple[Path, Path], tmp_path: Path
) -> None:
    project.add_apt(nvidia)
    folder, gate = slow_gpg
    project.env["PATH"] = f"{folder}:{project.env['PATH']}"
    file = tmp_path / "other.pub"
    file.write_bytes(nvidia.other_key.armored)
    argv, told = {
        "list": (("trust", "list"), "cudepot trust: reading the key files of all upstreams …"),
        "add": (("trust", "add", APT, str(file), "--yes"), f"cudepot trust: reading {file} and the keys of {APT} …"),
        "init": (
            ("init", "-C", str(tmp_path / "far"), "--from-site", str(file)),
            "cudepot init: reading the site's key and making the project …",
        ),
    }[verb]
    child = project.start(*argv)
    assert child.stderr is not None
    first = child.stderr.readline()
    gate.touch()
    child.communicate(timeout=60)
    assert first == f"{told}\n"
    assert child.returncode == 0
