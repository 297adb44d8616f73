"""The small wheels and sdists of simulator/python_files.py, read and installed by pip."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from simulator.python_files import Project, sdist, wheel


def _write(folder: Path, file: tuple[str, bytes]) -> None:
    (folder / file[0]).write_bytes(file[1])


def test_pip_installs_a_wheel_with_what_its_extra_requires(tmp_path: Path) -> None:
    _write(tmp_path, wheel(Project("cp-a", "1.0", ('cp-b>=2; extra == "more"',), ("more",))))
    _write(tmp_path, wheel(Project("cp-b", "2.0+cu130")))
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-cache-dir", "--find-links", tmp_path]
    subprocess.run([*command, "--target", tmp_path / "into", "cp-a[more]"], check=True, timeout=60)
    assert {one.name for one in (tmp_path / "into").glob("*.dist-info")} == {
        "cp_a-1.0.dist-info",
        "cp_b-2.0+cu130.dist-info",
    }


def test_a_dynamic_sdist_does_not_say_what_it_requires() -> None:
    for dynamic, line in ((False, b"Requires-Dist: cp-b\n"), (True, b"Dynamic: Requires-Dist\n")):
        project = Project("cp-a", "1.0", ("cp-b",), dynamic=dynamic)
        with tarfile.open(fileobj=io.BytesIO(sdist(project)[1])) as archive:
            member = archive.extractfile("cp_a-1.0/PKG-INFO")
            assert member is not None
            assert line in member.read()


def test_a_marker_makes_other_bytes_of_the_same_name() -> None:
    one, other = wheel(Project("cp-a", "1.0")), wheel(Project("cp-a", "1.0"), marker="other")
    assert one[0] == other[0]
    assert one[1] != other[1]
