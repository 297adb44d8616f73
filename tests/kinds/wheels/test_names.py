"""Wheels whose names are spelt in several ways."""

from __future__ import annotations

import shutil
from pathlib import Path

from simulator.cudnn import CudnnRelease
from simulator.project import Project
from simulator.wheels import write_wheel


def add(project: Project, name: str, wheel: Path) -> None:
    """Add a folder with that wheel, and publish what is in it."""
    project.add("upstream", name=name, type="folder", path=str(wheel.parent))
    project.add("pin", upstream=name, packages=["*.whl"], outputs=["mirror"])


def test_one_wheel_in_two_spellings_is_refused(project: Project, tmp_path: Path) -> None:
    """pip would take either of them: a name that is known has one content."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = write_wheel(CudnnRelease("8.0.5.39", "11.1"), tmp_path / "one")
    second = tmp_path / "two" / first.name.replace("nvidia_cudnn_cu11", "NVIDIA_cuDNN.cu11")
    shutil.copy(first, second)
    with second.open("ab") as out:
        out.write(b"\0")
    add(project, "one", first)
    project.publish()
    add(project, "two", second)
    project.run("lock")
    project.run("sync")
    assert "two spellings of the same wheel" in project.fail(10, "publish").error
    assert [one.name for one in (project.site / "wheels").glob("*.whl")] == [first.name]
