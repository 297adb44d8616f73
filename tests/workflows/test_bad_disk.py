"""A disk that is full, a process that is killed, two at once: the site stays whole and the next run goes on."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import DEB, Project, same_files

RUNTIME = f"libcudnn8_{DEB}_amd64.deb"

_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
os.execv(sys.argv[2], sys.argv[2:])
"""

# Kills itself when the verb calls a function for the n-th time, before the call.
KILLED = """
import importlib, os, signal, sys
module, name, count = sys.argv[1].rpartition(".")[0], sys.argv[1].rpartition(".")[2], int(sys.argv[2])
owner = importlib.import_module(module.partition(":")[0])
for part in module.partition(":")[2].split("."):
    owner = getattr(owner, part) if part else owner
real, calls = getattr(owner, name), []
def killing(*args, **kwargs):
    calls.append(1)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
setattr(owner, name, killing)
from cudepot.cli.main import main
sys.exit(main(sys.argv[3:]))
"""


def can_mount() -> bool:
    """Whether this user may mount a small file system of its own."""
    if not shutil.which("unshare"):
        return False
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture
def locked(shown: Project, nvidia: Nvidia) -> Project:
    """A project that shows a site, has locked both debs and fetched neither."""
    shown.add_apt(nvidia)
    shown.run("lock")
    return shown


def small_disk(project: Project, size: str, shell: str) -> subprocess.CompletedProcess[str]:
    """Run ``shell`` where the project's store lies on a file system of ``size``; the store's content is kept."""
    script = (
        'set -e; cd "$1"; mv store kept; mkdir store; mount -t tmpfs -o size="$2" tmpfs store; cp -a kept/. store/; '
        f"{{ {shell} ; }} || echo failed=$?; rm -rf kept; mkdir kept; cp -a store/. kept/; umount store; rmdir store; "
        "mv kept store"
    )
    argv = ["unshare", "-m", "sh", "-c", script, "sh", str(project.base), size]
    return subprocess.run(argv, env=project.env, capture_output=True, text=True, check=True, timeout=60)


_FILLED = """
{ until [ -e fill ]; do sleep 0.05; done; head -c 200000000 /dev/zero > store/filler; touch filled; } 2>/dev/null &
python -m cudepot.cli.main sync -C . || failed=$?; rm store/filler; wait; exit $failed
"""


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_a_disk_that_fills_up_is_told_and_what_arrived_is_used_later(locked: Project, nvidia: Nvidia) -> None:
    before = locked.published()
    stall = nvidia.server.stall(f"*/{RUNTIME}", at=70_000)
    with ThreadPoolExecutor(1) as pool:
        shell = _FILLED.replace("python", sys.executable).strip()
        running = pool.submit(small_disk, locked, "80m", f"sh -c '{shell}'")
        try:
            assert stall.reached.wait(60)
            (locked.base / "fill").touch()
            end = time.monotonic() + 60
            while not (locked.base / "filled").exists():
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            stall.release()
        done = running.result()
    assert "failed=7" in done.stdout
    assert done.stderr.count("error E500: ") == 1
    assert "No space left on device" in done.stderr
    assert "hint: free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert same_files({path: mark[0] for path, mark in before.items()}, _contents(locked))
    part = locked.store / "parts" / hashlib.sha256((nvidia.repo.folder / RUNTIME).read_bytes()).hexdigest()
    arrived = part.stat().st_size
    assert arrived > 0
    nvidia.server.forget()
    locked.run("sync")
    assert [one.headers["range"] for one in nvidia.server.seen(f"*/{RUNTIME}")] == [f"bytes={arrived}-"]


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
@pytest.mark.parametrize("verb", ["lock", "publish", "repackage"])
def test_a_disk_without_a_single_free_block_is_told(shown: Project, nvidia: Nvidia, verb: str) -> None:
    if verb == "repackage":
        shown.add_downloads(nvidia)
        shown.accept_eula(nvidia.built().parts.licence)
    else:
        shown.add_apt(nvidia)
    for needed in () if verb == "lock" else ("lock", "sync"):
        shown.run(needed)
    before = shown.published()
    fill = "dd if=/dev/zero of=store/fill bs=4k 2>/dev/null"
    command = f"{sys.executable} -m cudepot.cli.main {verb} -C ."
    done = small_disk(shown, "8m", f"({fill}; {command}; C=$?; rm store/fill; exit $C)")
    assert "failed=7" in done.stdout
    assert "No space left on device" in done.stderr, done
    assert done.stderr.count("error E500: ") == 1
    assert "Traceback" not in done.stderr
    assert {path: mark[0] for path, mark in before.items()} == _contents(shown)
    shown.run(verb)


def _contents(project: Project) -> dict[str, str]:
    return {path: mark[0] for path, mark in project.published().items()}


def test_a_file_size_limit_is_told(locked: Project) -> None:
    before = locked.published()
    done = locked.fail(7, "sync", prefix=(sys.executable, "-c", _LIMITED, "100000"))
    assert "File too large" in done.error
    assert same_files(before, locked.published())
    locked.run("sync")


def test_a_folder_that_may_not_be_written_is_told(locked: Project) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    before = locked.published()
    (locked.store / "parts").chmod(0o500)
    assert "Permission denied" in locked.fail(7, "sync").error
    (locked.store / "parts").chmod(0o700)
    assert locked.published() == before
    locked.run("sync")


def test_a_process_killed_in_a_transfer_is_gone_on_with(locked: Project, nvidia: Nvidia) -> None:
    data = (nvidia.repo.folder / RUNTIME).read_bytes()
    part = locked.store / "parts" / hashlib.sha256(data).hexdigest()
    stall = nvidia.server.stall(f"{nvidia.apt_path}/{RUNTIME}", 200_000)
    before = locked.published()
    child = locked.start("sync")
    assert stall.reached.wait(30)
    while not (part.exists() and part.stat().st_size >= 131072):
        assert child.poll() is None
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert same_files(before, locked.published())
    assert not locked.object(data).exists()
    arrived = part.stat().st_size
    nvidia.server.heal()
    nvidia.server.forget()
    locked.run("sync")
    assert [one.headers["range"] for one in nvidia.server.seen(f"*/{RUNTIME}")] == [f"bytes={arrived}-"]
    assert locked.object(data).read_bytes() == data


def test_two_processes_do_not_work_on_one_store(locked: Project, nvidia: Nvidia) -> None:
    stall = nvidia.server.stall(f"{nvidia.apt_path}/{RUNTIME}", 1000)
    child = locked.start("sync")
    assert stall.reached.wait(30)
    error = locked.fail(9, "publish").error
    assert f"another cudepot process (pid {child.pid}, cudepot " in error
    assert locked.run("status").rc == 0
    nvidia.server.heal()
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0, (out, err)
    locked.run("publish")


POINTS: list[tuple[str, int]] = [
    ("cudepot.store.local:LocalStore.add", 3),
    ("cudepot.store.snapshots:Snapshots.add", 1),
    ("cudepot.store.snapshots:.write_atomic", 2),
    ("cudepot.sites.folder.site:FolderSite.write", 1),
    ("cudepot.store.local:LocalStore.place", 3),
    ("cudepot.sites.folder.site:FolderSite.switch", 1),
    ("cudepot.sites.folder.site:FolderSite.prune", 1),
]


@pytest.mark.parametrize(("function", "count"), POINTS, ids=[f"{one}-{count}" for one, count in POINTS])
def test_a_publication_killed_at_any_point_leaves_a_whole_site(
    shown: Project, nvidia: Nvidia, function: str, count: int, tmp_path: Path
) -> None:
    shown.add_downloads(nvidia, "*cuda10.2*.deb", recipe="")
    name = "libcudnn8_8.0.5.39-1+cuda10.2_amd64.deb"
    shutil.copyfile(nvidia.repo.folder / name, nvidia.downloads / name)
    shown.run("lock")
    shown.run("sync")
    old = _shown_tree(shown)
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    argv = [sys.executable, str(script), function, str(count), "publish", "-C", str(shown.base)]
    done = subprocess.run(argv, env=shown.env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done
    now = _shown_tree(shown)
    assert now == old or "prune" in function
    shown.run("publish")
    assert _shown_tree(shown) != old
    assert shown.run("verify", "--json").json["faults"] == []
    assert not list((shown.base / "site").rglob("*.partial"))
    assert not list((shown.store / "tmp").iterdir())


def _shown_tree(project: Project) -> dict[str, bytes]:
    site = project.site.resolve()
    return {str(one.relative_to(site)): one.read_bytes() for one in site.rglob("*") if one.is_file()}
