"""``snapshots``, ``diff``, ``rollback`` and ``gc``: what they say, what they change, and what they never lose."""

from __future__ import annotations

import json
from pathlib import Path

from simulator.debs import simple_deb, write_deb
from simulator.project import Project, same_files, snapshot_of
from tests.clients import http
from tests.clients.apt import AptRoot

from cudepot.store.layout import LAYOUT


def more(project: Project, version: str) -> None:
    """Publish another version of ``more``."""
    folder = project.base / "more"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    write_deb(simple_deb("more", version), folder)
    project.sections = [*project.sections[:2]]
    project.add("upstream", name="more", type="folder", path=str(folder))
    project.add("pin", upstream="more", packages=["*.deb"])
    project.publish()


def test_snapshots_are_listed(grown: Project) -> None:
    first, second = grown.run("snapshots", "--json").json
    assert (first["number"], first["shown"], first["packages"]) == (1, False, {"apt": 1})
    assert (second["number"], second["shown"], second["packages"], second["missing"]) == (2, True, {"apt": 2}, 0)
    assert "*      2" in grown.run("snapshots").out
    (grown.store / "snapshots/000001.json").chmod(0o644)
    (grown.store / "snapshots/000001.json").write_text("{}")
    done = grown.run("snapshots", check=False)
    assert done.rc == 5
    assert "FAULT" in done.out


def test_diff_says_what_came_went_and_changed(grown: Project) -> None:
    assert grown.run("diff", "1", "2").out == "+ apt apt/more: more 2.0 (pin)\n"
    assert grown.run("diff", "2", "1").out == "- apt apt/more: more 2.0 (pin)\n"
    assert "are identical" in grown.run("diff", "2", "2").out
    more(grown, "3.0")
    (change,) = grown.run("diff", "2", "3", "--json").json
    assert (change["kind"], change["name"], change["before"], change["after"]) == ("changed", "more", "2.0", "3.0")
    assert "snapshot 9 is not in the store" in grown.fail(3, "diff", "1", "9").error


def test_rollback_is_a_new_snapshot_that_apt_follows(grown: Project, tmp_path: Path) -> None:
    """Real apt would ignore the old roots, because they are older than those it has."""
    more(grown, "3.0")
    with http.serve(grown.base / "site" / "current") as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/more/", grown.site / "keys/site.gpg")
        root.update()
        assert "Candidate: 3.0" in root.policy("more")
        assert grown.run("rollback", "2", "--dry-run", "--json").json["number"] == 4
        done = grown.run("rollback", "2", "--json").json
        assert [(one["kind"], one["before"], one["after"]) for one in done["changes"]] == [("changed", "3.0", "2.0")]
        root.update()
        assert "Candidate: 2.0" in root.policy("more")
    document = json.loads((grown.site / "snapshot.json").read_bytes())
    assert (document["number"], document["rollback"]) == (4, 2)
    assert "Snapshot 4, published" in (grown.site / "index.html").read_text()
    assert grown.run("verify", "--json").json["faults"] == []
    held = grown.run("publish", "--json").json
    assert (held["number"], held["hold"]["shows"], held["added"]) == (4, 2, ["apt/more/more_3.0_amd64.deb"])
    assert not (grown.site / "apt/more/more_3.0_amd64.deb").exists(), "a rollback holds"
    grown.run("publish", "--release-rollback")
    assert (grown.site / "apt/more/more_3.0_amd64.deb").exists(), "the lock was not changed, so it is shown again"
    assert [one["number"] for one in grown.run("snapshots", "--json").json] == [1, 2, 3, 4, 5]


def test_rollback_puts_the_lock_back_when_told(grown: Project) -> None:
    old = grown.store / "snapshots/000001.json"
    sha256 = json.loads(old.read_bytes())["lock"]["sha256"]
    grown.run("rollback", "1", "--lock")
    assert grown.lock.read_bytes() == (grown.store / "objects" / sha256[:2] / sha256).read_bytes()


def test_a_rollback_holds_through_the_nightly_job_until_it_is_released(grown: Project) -> None:
    more(grown, "3.0")
    grown.run("rollback", "2", "--lock")
    since = grown.run("status", "--json").json["hold"]["since"]
    assert json.loads((grown.site / "snapshot.json").read_bytes())["created"] == since
    for _ in range(2):
        for verb in (["sync", "--lock"], ["repackage", "--keep-last"], ["publish", "--keep-last"]):
            done = grown.run(*verb)
    told = f"rolled back to snapshot 2 since {since}: it stays until `cudepot publish --release-rollback`"
    assert told in done.out
    assert "not shown: + apt/more/more_3.0_amd64.deb" in done.out
    status = grown.run("status", "--check")
    assert told in status.out, "somebody decided it: no alarm"
    assert "next:" not in status.out
    assert json.loads((grown.site / "snapshot.json").read_bytes())["number"] == 4
    assert grown.run("publish", "--release-rollback", "--json").json["number"] == 5
    assert grown.run("status", "--json").json["hold"] is None
    assert grown.run("publish", "--json").json["number"] == 5


def test_a_second_rollback_to_the_same_snapshot_counts_from_the_first(grown: Project) -> None:
    grown.run("rollback", "1")
    since = grown.run("status", "--json").json["hold"]["since"]
    grown.run("rollback", "1")
    hold = grown.run("status", "--json").json["hold"]
    assert (hold["number"], hold["shows"], hold["since"]) == (4, 1, since)


def test_rollback_refuses_what_it_cannot_show(grown: Project) -> None:
    before = snapshot_of(grown.base / "site", grown.store / "snapshots")
    grown.fail(3, "rollback", "2")
    grown.fail(3, "rollback", "7")
    sha256 = json.loads((grown.store / "snapshots/000001.json").read_bytes())["tree"]["apt/local/Packages"]["sha256"]
    (grown.store / "objects" / sha256[:2] / sha256).unlink()
    assert "not in the store" in grown.fail(3, "rollback", "1").error
    assert snapshot_of(grown.base / "site", grown.store / "snapshots") == before


def test_gc_removes_only_what_nothing_names(grown: Project) -> None:
    for version in ("3.0", "4.0", "5.0"):
        more(grown, version)
    objects = snapshot_of(grown.store / "objects")
    dry = grown.run("gc", "--keep", "2", "--dry-run", "--json", "--force").json
    assert dry["removed"] == [1, 2, 3]
    lists = grown.store / "object-lists.json"
    assert [one["snapshot"] for one in json.loads(lists.read_bytes())["lists"]] == [1, 2, 3, 4, 5]
    listed, kept = grown.run("snapshots", "--json").json, lists.read_bytes()
    lists.write_bytes(kept.replace(b'"came": "', b'"came": "0', 1))
    assert grown.run("gc", "--keep", "2", "--dry-run", "--json", "--force").json == dry, "the trees were read"
    assert grown.run("snapshots", "--json").json == listed
    assert snapshot_of(grown.store / "objects") == objects
    done = grown.run("gc", "--keep", "2", "--json", "--force").json
    assert (done["kept"], done["objects"]) == ([4, 5], dry["objects"])
    assert [one["snapshot"] for one in json.loads(lists.read_bytes())["lists"]] == [4, 5]
    left = snapshot_of(grown.store / "objects")
    assert len(left) == len(objects) - done["objects"]
    assert same_files(left, objects)
    assert grown.run("verify", "--json").json["faults"] == []
    assert "unchanged" in grown.run("publish").out
    grown.run("rollback", "4")
    assert grown.run("gc", "--keep", "9", "--json").json["objects"] == 0


def test_gc_refuses_to_empty_the_store(grown: Project) -> None:
    before = grown.published()
    for name in ("snapshots/000001.json.asc", "snapshots/000002.json.asc"):
        (grown.store / name).rename(grown.base / Path(name).name)
    grown.lock.rename(grown.base / "lock.away")
    assert "may be a mistake" in grown.fail(3, "gc").error
    for name in ("000001.json.asc", "000002.json.asc"):
        (grown.base / name).rename(grown.store / "snapshots" / name)
    (grown.base / "lock.away").rename(grown.lock)
    assert grown.published() == before


def test_gc_stops_at_a_snapshot_it_cannot_trust(grown: Project) -> None:
    (grown.store / "snapshots/000002.json.asc").chmod(0o644)
    (grown.store / "snapshots/000002.json.asc").write_bytes((grown.store / "snapshots/000001.json.asc").read_bytes())
    before = grown.published()
    grown.fail(5, "gc", "--force")
    assert grown.published() == before


def test_a_project_at_work_leaves_nothing_that_is_not_listed(grown: Project) -> None:
    grown.run("bundle", "export", str(grown.base / "all.tar"), "--since", "0")
    grown.run("verify")
    assert {path.name.removesuffix(".1") for path in grown.store.iterdir()} <= {entry.name for entry in LAYOUT}
