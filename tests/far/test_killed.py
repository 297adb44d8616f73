"""The one file, killed at one step of the disk after the other: what was shown stays, and the next run ends well."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from simulator.sides import FarAlone, Near
from tests.workflows.test_bad_disk import _LIMITED, can_mount, small_disk

_KILLED = """
import os, runpy, signal, sys
left, file, calls = int(sys.argv[1]), sys.argv[2], []
def counting(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        calls.append(name)
        if len(calls) == left:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(os, name, call)
for name in ("replace", "rename", "link", "symlink", "unlink", "fsync", "mkdir"):
    counting(name)
sys.argv = sys.argv[2:]
try:
    runpy.run_path(file, run_name="__main__")
finally:
    print("steps", len(calls), file=sys.stderr)
"""
"""Kills itself before the n-th call that changes the disk; 0 for none: then it tells how many there are."""


def killed(far: FarAlone, step: int, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [far.python, "-I", "-c", _KILLED, str(step), str(far.file), argv[0], "-C", str(far.base), *argv[1:]]
    return subprocess.run(command, env=far.env, capture_output=True, text=True, check=False, timeout=120)


def steps(far: FarAlone, *argv: str) -> int:
    done = killed(far, 0, *argv)
    assert done.returncode == 0, done
    return int(done.stderr.split()[-1])


@pytest.fixture
def shown(bundles: Near, far: FarAlone) -> FarAlone:
    """A far side that shows the first snapshot."""
    far.take(bundles.medium / "full.tar")
    far.run("publish")
    return far


EACH = pytest.param(1000, marks=pytest.mark.lengthy)


@pytest.mark.parametrize("most", [2, EACH], ids=["some steps", "each step"])
@pytest.mark.parametrize("verb", ["import", "publish"])
def test_whenever_it_is_killed_the_site_stays_and_the_next_run_goes_on(
    bundles: Near, shown: FarAlone, verb: str, most: int
) -> None:
    volume, kept = str(bundles.medium / "patched.tar"), shown.base.with_name("kept")
    argv = ("import", volume) if verb == "import" else ("publish",)
    if verb == "publish":
        shown.take(Path(volume))
    shutil.copytree(shown.base, kept, symlinks=True, copy_function=shutil.copy2)
    every = steps(shown, *argv)
    assert every > 10
    for step in sorted({*range(1, every, max(1, every // most)), every}):
        shutil.rmtree(shown.base)
        shutil.copytree(kept, shown.base, symlinks=True, copy_function=shutil.copy2)
        before = (shown.site / "snapshot.json").read_bytes()
        assert killed(shown, step, *argv).returncode == -signal.SIGKILL, step
        after = (shown.site / "snapshot.json").read_bytes()
        assert after in (before, (bundles.project.site / "snapshot.json").read_bytes()), step
        assert verb == "publish" or after == before, step
        again = killed(shown, 0, *argv)
        assert again.returncode == 0, (step, again)
        assert killed(shown, 0, "publish").returncode == 0
        assert (shown.site / "snapshot.json").read_bytes() == (bundles.project.site / "snapshot.json").read_bytes()
        if most > every or step == every:
            assert shown.run("verify", "--json").json["faults"] == [], step


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_a_full_disk_is_told_and_the_site_stays(bundles: Near, shown: FarAlone) -> None:
    before = (shown.site / "snapshot.json").read_bytes()
    command = f"{shown.python} {shown.file} import -q {bundles.medium / 'patched.tar'}"
    fill = "dd if=/dev/zero of=store/fill bs=4k 2>/dev/null"
    done = small_disk(shown, "8m", f"({fill}; {command}; C=$?; rm store/fill; exit $C)")
    assert "failed=7" in done.stdout, done
    assert "No space left on device" in done.stderr
    assert "hint: free some space" in done.stderr
    assert (shown.site / "snapshot.json").read_bytes() == before
    assert shown.take(bundles.medium / "patched.tar")["imported"] == [2]


def test_a_file_size_limit_is_told(bundles: Near, far: FarAlone) -> None:
    limit = (far.python, "-c", _LIMITED, "2000")
    assert "File too large" in far.fail(7, "bundle", "import", str(bundles.medium / "full.tar"), prefix=limit).error
    assert far.take(bundles.medium / "full.tar")["imported"] == [1]
