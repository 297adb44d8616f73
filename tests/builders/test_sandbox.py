"""Isolation, tried with real processes that want out."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.isolation import isolated

from cudepot.builders import sandbox
from cudepot.builders.sandbox import Ended, check_isolation, run_isolated
from cudepot.errors import BuildError

pytestmark = [pytest.mark.tools, isolated]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "build"
    made.mkdir()
    return made


def shell(folder: Path, script: str, *, seconds: float = 60, memory: int = sandbox.MEMORY, **shown: Path) -> Ended:
    return run_isolated(
        ["/bin/sh", "-c", script],
        folder,
        shown={path: f"/{name}" for name, path in shown.items()},
        environment={"PATH": "/usr/bin:/bin"},
        seconds=seconds,
        memory=memory,
    )


def test_this_machine_can(folder: Path) -> None:
    check_isolation()
    assert shell(folder, "echo hello; exit 3") == Ended(3, "hello\n")


def test_a_command_may_end_with_any_status(folder: Path) -> None:
    assert [shell(folder, f"exit {status}").status for status in (0, 1, 125, 255)] == [0, 1, 125, 255]


def test_what_it_leaves_in_its_folder_stays_and_is_ours(folder: Path) -> None:
    assert shell(folder, "echo made > /build/x; echo y > /tmp/y").status == 0
    assert (folder / "x").read_text() == "made\n"
    assert (folder / "x").stat().st_uid == os.geteuid()
    assert stat.S_IMODE((folder / "x").stat().st_mode) == 0o644


def test_what_one_command_leaves_is_no_way_out_for_the_next(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    shell(folder, f"rm -rf /build/tmp; ln -s {victim} /build/tmp; ln -s {victim} /build/root; echo x > /tmp/x")
    assert (folder / "tmp").is_symlink()
    assert shell(folder, "ls /tmp; echo x > /tmp/y").output == "", "a new one each time"
    assert not list(victim.iterdir())


def test_a_file_that_would_fill_the_disk_is_refused(folder: Path) -> None:
    ended = shell(folder, "truncate -s 1G /build/x && truncate -s 33G /build/x")
    assert ended.status
    assert "File too large" in ended.output or ended.status == 128 + signal.SIGXFSZ
    assert (folder / "x").stat().st_size == 1 << 30


def test_nothing_else_can_be_written(folder: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    tries = "/x /usr/x /etc/x /shown/x /proc/sys/vm/drop_caches"
    ended = shell(folder, f"for one in {tries}; do echo x > $one && echo written; done; true", shown=shown)
    assert "written" not in ended.output
    assert not list(shown.iterdir())


def test_nothing_of_the_users_can_be_seen(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    places = f"{secret} {Path.home()} /root /home /etc/shadow /etc/ssl /run /var /sys"
    ended = shell(folder, f"cat {secret}; for one in {places}; do test -e $one && echo seen $one; done; env")
    assert "seen" not in ended.output
    assert "secret" not in ended.output.replace(str(secret), "")
    assert "HOME" not in ended.output, "no variable but those that were given"


def test_there_is_no_network(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        ended = run_isolated(["/usr/bin/python3", "-c", script], folder, shown={}, environment={}, seconds=60)
    assert ended.status == 1
    assert "OSError" in ended.output or "Error: [Errno" in ended.output


def test_no_right_can_be_had_again(folder: Path) -> None:
    tries = ["unshare -r true", "mount -o remount,rw /usr", "umount /usr", "chroot /build /bin/true", "kill -9 1"]
    ended = shell(folder, "; ".join(f"{one} && echo done" for one in tries[:-1]) + f"; {tries[-1]}; id -u")
    assert "done" not in ended.output
    assert ended.output.endswith("1000\n"), "the first process cannot be killed from inside"


def test_other_processes_cannot_be_seen(folder: Path) -> None:
    ended = shell(folder, f"ls /proc; kill -0 {os.getpid()} && echo reached")
    assert "reached" not in ended.output
    assert str(os.getpid()) not in ended.output.split()


def test_what_does_not_end_is_ended_with_all_it_started(folder: Path) -> None:
    ended = shell(folder, "(while true; do date >> /build/alive; sleep 0.1; done) & echo started; sleep 600", seconds=5)
    assert ended.late
    assert ended.output == "started\n"
    before = (folder / "alive").stat().st_size
    time.sleep(0.5)
    assert (folder / "alive").stat().st_size == before, "the process in the background has ended too"


def test_what_is_left_running_ends_with_the_command(folder: Path) -> None:
    assert shell(folder, "sleep 600 & true").status == 0


def test_memory_is_bounded(folder: Path) -> None:
    script = "python3 -c 'x = bytearray(1 << 30)'"
    assert "MemoryError" in shell(folder, script, memory=512 << 20).output
    assert shell(folder, script, memory=4 << 30).status == 0


def test_of_much_output_the_end_is_kept(folder: Path) -> None:
    ended = shell(folder, "yes | head -c 1000000; echo end")
    assert len(ended.output) <= 1 << 18
    assert ended.output.endswith("end\n")


def test_a_kernel_that_refuses_is_told_and_nothing_is_run(folder: Path, tmp_path: Path) -> None:
    """A user namespace inside of which no other may be made stands for a kernel that allows none."""
    inner = (
        "import sys\nfrom pathlib import Path\nfrom cudepot.builders.sandbox import run_isolated as run\n"
        "from cudepot.errors import BuildError\n"
        "try:\n    run(['/bin/sh', '-c', 'echo ran'], Path(sys.argv[1]), shown={}, environment={}, seconds=9)\n"
        "except BuildError as error:\n    print(error, error.hint)\n"
    )
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" -c "$1" "$2"'
    command = ["unshare", "-r", "sh", "-c", script, sys.executable, inner, str(folder)]
    own = {**os.environ, "PYTHONPATH": str(Path(sandbox.__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    assert "this machine cannot isolate a build: unshare: " in done.stdout, done.stderr
    assert "user namespaces" in done.stdout
    assert "ran" not in done.stdout


def test_the_probe_is_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs its command in plain sight is found out."""

    def plain(command: list[str], *about: object, **more: object) -> Ended:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Ended(done.returncode, done.stdout + done.stderr)

    monkeypatch.setattr(sandbox, "run_isolated", plain)
    check_isolation.cache_clear()
    try:
        with pytest.raises(BuildError, match="cannot isolate a build"):
            check_isolation()
    finally:
        check_isolation.cache_clear()
