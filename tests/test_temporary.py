"""Temporary folders: what a killed run left goes, what another run uses stays."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from cudepot.temporary import temporary_folder

KILLED = """
import os
from cudepot.temporary import temporary_folder

with temporary_folder({place!r}) as one:
    (one / "file").touch()
    print(one, flush=True)
    os.kill(os.getpid(), 9)
"""


def age(folder: Path) -> None:
    os.utime(folder, (1.6e9, 1.6e9))


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED.format(place=str(tmp_path))]
    left = Path(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    assert (left / "file").exists()
    age(left)
    with temporary_folder(str(tmp_path)) as folder:
        assert list(folder.iterdir()) == []
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_what_is_used_young_or_not_a_folder_of_ours_stays(tmp_path: Path) -> None:
    used, young, other, outside = (tmp_path / f"{name}x" for name in ("cudepot-run-1", "cudepot-run-2", "oth", "out"))
    for folder in (used, young, other, outside):
        folder.mkdir()
        (folder / "file").touch()
    (tmp_path / "cudepot-run-3").symlink_to(outside)
    for folder in (used, other, outside):
        age(folder)
    os.utime(tmp_path / "cudepot-run-3", (1.6e9, 1.6e9), follow_symlinks=False)
    handle = os.open(used, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with temporary_folder(str(tmp_path)):
            pass
    finally:
        os.close(handle)
    assert all((folder / "file").exists() for folder in (used, young, other, outside))
