"""A root that was verified is not verified again for a day: same bytes, same keys, same answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import APT, Project


class Calls:
    """Counts the runs of gpgv."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.noted = folder / "noted"
        (folder / "bin").mkdir()
        script = folder / "bin" / "gpgv"
        script.write_text(f'#!/bin/sh\necho run >> {self.noted}\nexec {shutil.which("gpgv")} "$@"\n')
        script.chmod(0o755)
        project.env["PATH"] = f"{folder / 'bin'}:{project.env['PATH']}"

    def taken(self) -> int:
        """Return how often it ran since the last call."""
        count = self.noted.read_text().count("run") if self.noted.exists() else 0
        self.noted.unlink(missing_ok=True)
        return count


@pytest.fixture
def calls(project: Project, nvidia: Nvidia, tmp_path: Path) -> Calls:
    project.add_apt(nvidia)
    found = Calls(project, tmp_path)
    project.run("lock")
    assert found.taken() == 1
    return found


def test_sync_locks_first_in_one_run_and_asks_once(project: Project, nvidia: Nvidia, calls: Calls) -> None:
    assert project.run("sync", "--lock", "--json").json["fetched_files"] == 2
    before = project.everything()
    nvidia.server.forget()
    again = project.run("sync", "--lock", "--json").json
    assert (again["fetched_files"], again["lock"]["written"]) == (0, False)
    assert [(one.path.rpartition("/")[2], one.status) for one in nvidia.server.requests] == [("InRelease", 304)]
    assert calls.taken() == 0
    after = project.everything()
    assert {one for one in before if before[one] != after.get(one)} <= {
        str(project.store / name) for name in ("lock", "cudepot.log")
    }


def test_what_cannot_be_locked_is_synced_as_it_was_locked(project: Project, nvidia: Nvidia, calls: Calls) -> None:
    nvidia.repo.publish()
    nvidia.server.same_size(f"{nvidia.apt_path}/InRelease")
    done = project.run("sync", "--lock", "--json", check=False)
    assert done.rc == 5
    assert done.json["fetched_files"] == 2
    done = project.run("sync", "--lock", "--dry-run", "--json", check=False)
    assert (done.rc, done.json["files"], done.json["fetched_files"]) == (5, 2, 0)


def test_a_day_later_and_with_other_key_bytes_it_is_verified_again(
    project: Project, nvidia: Nvidia, calls: Calls
) -> None:
    memory = project.store / "upstreams" / f"{APT.replace('/', '%2F')}.json"
    for change in ({"checked": "2020-01-01T00:00:00Z"}, {"checked": "2999-01-01T00:00:00Z"}, {"trust": "other"}):
        pages = json.loads(memory.read_text())
        pages["Release"] |= change
        memory.write_text(json.dumps(pages))
        project.run("lock")
        assert calls.taken() == 1, change
        project.run("lock")
        assert calls.taken() == 0


def test_an_expired_root_is_refused_though_it_was_verified(project: Project, nvidia: Nvidia, calls: Calls) -> None:
    memory = project.store / "upstreams" / f"{APT.replace('/', '%2F')}.json"
    pages = json.loads(memory.read_text())
    pages["Release"]["until"] = "2020-01-01T00:00:00+00:00"
    memory.write_text(json.dumps(pages))
    project.run("lock")
    assert calls.taken() == 1, "whatever the memory says of its end, the root itself is asked again"
