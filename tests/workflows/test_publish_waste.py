"""What publishing leaves behind, and what it costs: nothing that nobody names, one wait for the disk, one memory."""

from __future__ import annotations

from pathlib import Path

from tests.project import Project
from tests.upstream.debs import simple_deb, write_deb

from cudepot.catalog.snapshot import parse_snapshot


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
