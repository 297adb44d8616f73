"""Free space is counted before the first byte is fetched or written, for each file system."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import Project
from tests.workflows.test_bad_disk import can_mount, small_disk

from cudepot.depot.room import Need, check_rooms, rooms, still_to_come
from cudepot.digest import Digest
from cudepot.disk import takes_links
from cudepot.errors import NoRoomError
from cudepot.store.local import LocalStore

MEMORY = Path("/dev/shm")


def test_what_is_on_one_file_system_is_counted_together(tmp_path: Path) -> None:
    folders = [tmp_path / "store", tmp_path / "not" / "yet" / "there", MEMORY]
    found = rooms([*(Need(one, 1000) for one in folders), Need(MEMORY, 0)])
    assert [(one.folder, one.needed, one.enough) for one in found] == [
        (f"{folders[0]}, {folders[1]}", 2000, True),
        (str(MEMORY), 1000, True),
    ]
    assert found[1].free <= shutil.disk_usage(MEMORY).total
    assert rooms([Need(tmp_path, 0)]) == ()


def test_too_little_is_refused_with_what_to_free(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    short = rooms([Need(tmp_path, free + 5_000_000_000)])
    assert not short[0].enough
    with pytest.raises(NoRoomError, match=r"GB are needed, .* GB are free") as caught:
        check_rooms(short)
    assert (caught.value.code, caught.value.exit_code) == ("E520", 7)
    assert caught.value.hint.startswith("free another 5.")


def test_what_an_earlier_run_fetched_is_not_counted_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, create=True)
    digest = Digest.of(b"x" * 1000)
    with store.part(digest) as part:
        part.write(b"x" * 400)
    assert still_to_come(store, [digest, Digest.of(b"other")]) == 605


def test_links_are_for_one_mount_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert takes_links(tmp_path / "a", tmp_path / "b")
    assert not takes_links(tmp_path, MEMORY)


@pytest.fixture
def locked(project: Project, nvidia: Nvidia) -> Project:
    project.add_downloads(nvidia)
    project.accept_eula(nvidia.built().parts.licence)
    project.add_apt(nvidia)
    project.run("lock")
    return project


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_sync_begins_nothing_on_a_disk_that_is_too_small(locked: Project, nvidia: Nvidia) -> None:
    nvidia.server.forget()
    run = f"{sys.executable} -m cudepot.cli.main"
    done = small_disk(locked, "2m", f"{run} sync --dry-run -C . && {run} sync --json -C .")
    assert "warning: no room: " in done.stdout
    assert '"code": "E520"' in done.stdout
    assert "failed=7" in done.stdout
    assert nvidia.server.seen("*.deb") == []
    assert not [*(locked.store / "parts").iterdir()]
    told = locked.run("sync", "--dry-run", "--json").json["room"]
    assert [one["enough"] for one in told] == [True]
    assert told[0]["needed"] > 100_000


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_repackage_and_publish_count_too(locked: Project) -> None:
    locked.run("sync")
    room = locked.run("repackage", "--dry-run", "--json").json["room"]
    assert len(room) == 1
    run = f"{sys.executable} -m cudepot.cli.main"
    tight = small_disk(locked, "60m", f"{run} repackage -C .").stderr
    assert "may be needed, " in tight, "an estimate warns"
    assert tight.index("warning: ") < tight.index("error E520: "), "a member whose size is known is refused"
    locked.run("repackage")
    assert locked.run("publish", "--dry-run", "--json").json["room"] == []  # hard links
    elsewhere = small_disk(locked, "60m", f"{run} publish --dry-run -C .")
    assert "room: " in elsewhere.stdout
    assert f"{locked.site}" in elsewhere.stdout
