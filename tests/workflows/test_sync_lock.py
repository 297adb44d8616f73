"""``sync --lock`` takes what ``lock`` takes: what somebody decided to accept, and a dry run."""

from __future__ import annotations

from pathlib import Path

from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import Project

DEB = "8.0.5.39-1+cuda11.1"


def test_a_dry_run_says_what_would_be_locked_and_fetched_and_does_neither(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    before = project.everything()
    done = project.run("sync", "--lock", "--dry-run", "--json").json
    assert (done["files"], done["fetched_files"], len(done["lock"]["added"])) == (2, 2, 2)
    assert project.everything() == before
    assert "would write cudepot.lock" in project.run("sync", "--lock", "--dry-run").out
    assert project.run("sync", "--lock", "--json").json["fetched_bytes"] == done["fetched_bytes"]


def test_changed_bytes_are_accepted_by_name(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    project.add_apt(nvidia, f"libcudnn8={DEB}")
    project.run("sync", "--lock")
    again = write_deb(simple_deb("libcudnn8", DEB), tmp_path)
    nvidia.repo.add(again)
    nvidia.repo.publish()
    assert project.run("sync", "--lock", check=False).rc == 5
    assert not project.object(again.read_bytes()).exists()
    assert "applies to locking" in project.fail(3, "sync", "--accept-changed", "libcudnn8").error
    project.run("sync", "--lock", "--accept-changed", "libcudnn8")
    assert project.object(again.read_bytes()).exists()


def test_an_older_root_is_accepted_when_it_is_allowed(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    old = {one: one.read_bytes() for one in nvidia.repo.folder.iterdir() if one.suffix != ".deb"}
    nvidia.repo.publish()
    project.run("sync", "--lock")
    for path, data in old.items():
        path.write_bytes(data)
    assert project.run("sync", "--lock", check=False).rc == 5
    assert project.run("sync", "--lock", "--allow-rollback", "--json").json["lock"]["written"] is True
