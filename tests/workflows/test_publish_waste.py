"""What publishing leaves behind, and what it costs: nothing that nobody names, one wait for the disk, one memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.project import Project

from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.cli.main import main
from cudepot.store.local import LocalStore


def test_every_object_is_named_by_a_snapshot(project: Project, tmp_path: Path) -> None:
    (folder := tmp_path / "local").mkdir()
    project.add("upstream", name="local", type="folder", path=str(folder))
    project.add("pin", upstream="local", packages=["*.deb"])
    for number in range(3):
        write_deb(simple_deb(f"hello{number}", "1.0"), folder)
        project.publish()
    assert project.run("publish", "--json").json["fresh"] is False
    assert project.run("gc", "--keep", "9", "--dry-run", "--json").json["objects"] == 0


def test_snapshots_that_have_much_in_common_share_it(grown: Project) -> None:
    first, second = ((grown.store / f"snapshots/00000{number}.json").read_bytes() for number in (1, 2))
    newest = parse_snapshot(second, "2")
    older = parse_snapshot(first, "1", newest.tree)
    assert older == parse_snapshot(first, "1")
    same = [path for path in older.tree if newest.tree.get(path) == older.tree[path]]
    assert same
    assert all(older.tree[path] is newest.tree[path] for path in same)
    keys = {path: path for path in newest.tree}
    assert all(keys[path] is path for path in older.tree if path in keys)


def test_small_files_of_a_snapshot_wait_for_the_disk_together(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexes, Releases and pages become objects in one go: none waits for the disk while the next is made (H5)."""
    (folder := tmp_path / "local").mkdir()
    project.add("upstream", name="local", type="folder", path=str(folder))
    project.add("pin", upstream="local", packages=["*.deb"])
    write_deb(simple_deb("hello", "1.0"), folder)
    project.run("lock")
    project.run("sync")
    alone: list[str] = []
    real, add = os.fsync, LocalStore.add

    def adding(store: LocalStore, *chunks: object, **options: object) -> object:
        with monkeypatch.context() as during:
            during.setattr(os, "fsync", lambda file: (alone.append(str(file)), real(file)))
            return add(store, *chunks, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "add", adding)
    assert main(["publish", "-C", str(project.base), "-q"]) == 0
    assert len(alone) <= 6, "the signed snapshot and its page only"
