"""A store, or a whole project, on a medium that nobody can write to: what only looks goes on working there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.project import Project
from tests.unprivileged import BARE

VERBS = (
    ("verify",), ("status",), ("snapshots",), ("diff", "1", "2"), ("why", "hello"),
    ("sync", "--dry-run"), ("lock", "--dry-run"),
    ("repackage", "--dry-run"), ("publish", "--dry-run"), ("rollback", "1", "--dry-run"),
    ("gc", "--dry-run", "--force"), ("bundle", "export", "x.tar", "--since", "0", "--dry-run"),
)  # fmt: skip
MOUNTED = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def mounted(folder: Path) -> tuple[str, ...]:
    """Put before a command: it sees ``folder`` as on a medium mounted read-only."""
    return ("unshare", "-m", "sh", "-c", MOUNTED, "sh", str(folder))


@pytest.fixture
def modes(grown: Project) -> Iterator[Project]:
    """The project with a store whose folders nobody may write to, as its owner left them."""
    folders = [one for one in (grown.store, *grown.store.rglob("*")) if one.is_dir() and not one.is_symlink()]
    for one in folders:
        one.chmod(0o555)
    (grown.store / "lock").chmod(0o444)
    yield grown
    for one in folders:
        one.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounting needs root")
@pytest.mark.parametrize("verb", VERBS, ids=[one[0] for one in VERBS])
@pytest.mark.parametrize("where", ["store", "."], ids=["store", "project"])
def test_on_a_medium_mounted_read_only(grown: Project, verb: tuple[str, ...], where: str) -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs a mount namespace")
    before = grown.everything()
    grown.run(*verb, prefix=mounted(grown.base / where))
    after = grown.everything()
    assert {path: mark for path, mark in after.items() if "/gnupg" not in path} == before


@pytest.mark.parametrize("verb", VERBS, ids=[one[0] for one in VERBS])
def test_in_folders_that_may_not_be_written(modes: Project, verb: tuple[str, ...]) -> None:
    before = modes.everything()
    modes.run(*verb, prefix=BARE)
    assert {path for path, mark in modes.everything().items() if before.get(path) != mark} <= {
        str(modes.store / "cudepot.log")  # which this user may append to
    }


def test_what_changes_the_store_says_that_it_cannot(modes: Project) -> None:
    done = modes.run("publish", check=False, prefix=BARE)
    assert done.rc == 7
    assert "Permission denied" in done.err
    assert done.err.count("error E500") == 1


def test_an_object_without_a_mark_is_hashed_there_all_the_same(grown: Project) -> None:
    """A medium that keeps whole seconds only; the store was copied to it."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    for one in (grown.store / "objects").glob("*/*"):
        os.utime(one, ns=(0, 1_700_000_000_000_000_000))
    assert grown.run("verify", "--json", prefix=mounted(grown.store)).json["faults"] == []
    assert grown.run("publish", "--dry-run", prefix=mounted(grown.store)).rc == 0
