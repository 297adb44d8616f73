"""Two cudepot processes on one store: the second waits when told to, or stops clearly."""

from __future__ import annotations

import fcntl
import threading

from simulator.project import Project


def test_a_busy_store_is_told_at_once(shown: Project) -> None:
    with (shown.store / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for verb in (("publish",), ("verify",), ("gc",), ("rollback", "1"), ("sync",)):
            assert "holds" in shown.fail(9, *verb).error
        assert shown.run("snapshots").out, "verbs that only read go on"


def test_a_busy_store_is_waited_for(shown: Project) -> None:
    with (shown.store / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = shown.start("publish", "--wait", "60")
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.append(child.stderr.readline() if child.stderr else ""))
        reader.start()
        reader.join(60)
        assert "waiting up to 60 s" in said[0]
        fcntl.flock(lock, fcntl.LOCK_UN)
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "unchanged" in out


def test_waiting_ends(shown: Project) -> None:
    with (shown.store / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shown.run("publish", "--wait", "1", check=False)
    assert done.rc == 9
    assert "waiting up to 1 s" in done.err
