"""Every verb on a store in a bucket, by machines that have nothing when they begin and are lost afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from simulator.project import Project
from simulator.server import Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.stores.machines import PREFIX, Machines

_SITE = '[site]\nedges = true\nurl = "http://site.example/"\nchannels = ["dev", "prod"]\n'


def with_channels(project: Project) -> Project:
    project._head = project._head.replace("[site]\n", _SITE)
    project.write()
    return project


def shows(project: Project) -> dict[str, int]:
    """Return what each channel of a site in a folder shows."""
    pages = project.site.parent.glob("*/snapshot.json")
    return {one.parent.name: json.loads(one.read_bytes())["number"] for one in pages if one.parent.name != "current"}


def follower(few: Machines, folder: Path, site_key: SiteKey) -> Far:
    """Return a far side, or an edge, whose store is in the bucket as well."""
    one = Far(folder, site_key.key_file).init()
    one.env |= few.server.env
    text = one.toml.read_text().replace('store = "store"', "")
    text = text.replace("unsigned-upstreams = []", 'unsigned-upstreams = ["local"]')
    one.toml.write_text(f"{text}\n{few.store(prefix=folder.name)}")
    shutil.rmtree(one.base / "store")
    return one


def lose(project: Project) -> None:
    """Lose what the machine of a project has beside its configuration."""
    shutil.rmtree(project.base / "store")
    shutil.rmtree(project.base / "site", ignore_errors=True)


def test_all_verbs(few: Machines, site_key: SiteKey, tmp_path: Path) -> None:
    medium = _begun(few, tmp_path / "medium")
    two = _goes_on(few)
    _carried(follower(few, tmp_path / "far", site_key), medium)
    _followed(follower(few, tmp_path / "edge", site_key), two.site.parent / "dev")
    _restored(few, medium, site_key.fingerprint)


def _begun(few: Machines, medium: Path) -> Path:
    """Make a site with two channels on a machine that is lost; return the folder of its bundle and backups."""
    one = with_channels(few.new("one"))
    one.publish()
    one.run("promote", "dev", "prod")
    one.run("tag", "first", "1")
    few.deb("more")
    one.publish()
    one.run("promote", "dev", "prod")
    one.run("rollback", "1", "--channel", "prod")
    medium.mkdir()
    one.run("bundle", "export", str(medium / "all.tar"), "--since", "0")
    said = one.run("backup", str(medium / "project.backup")).out
    assert f"not in it: the store, s3://{few.bucket}/{PREFIX}/" in said
    one.run("backup", str(medium / "all.backup"), "--everything")
    few.throw_away(one)
    return medium


def _goes_on(few: Machines) -> Project:
    """Let a bare machine show the same, and look at it."""
    two = with_channels(few.new("two"))
    assert "prod: shows snapshot 3, as its record says" in two.run("publish").out
    assert shows(two) == {"dev": 2, "prod": 3}
    assert two.run("channels", check=False).rc == 0
    assert [one["number"] for one in two.run("snapshots", "--json").json] == [1, 2, 3]
    assert "more 1.0" in two.run("diff", "1", "2").out
    assert two.run("export", "apt").out
    found = two.run("gc", "-n", "--keep", "1", "--json").json
    assert (found["kept"], found["objects"]) == ([1, 2, 3], 0)
    assert found["waiting"] > 0, "the page of a later snapshot, and they go when the grace period is over"
    assert two.run("verify", "--json").json["faults"] == []
    return two


def _carried(far: Far, medium: Path) -> None:
    """Let a far side take a bundle in, and another machine of it show what that brought."""
    assert far.take(medium / "all.tar")["imported"] == [2]
    lose(far)
    far.run("publish")
    assert number_of(far) == 2


def _followed(edge: Far, site: Path) -> None:
    """Let an edge follow, and another machine of it go on."""
    with Server(site) as web:
        edge.run("edge", web.url)
        lose(edge)
        edge.run("edge", web.url)
    assert number_of(edge) == 2
    assert edge.run("verify", "--json").json["faults"] == []


def _restored(few: Machines, medium: Path, key: str) -> None:
    """Restore the project from a backup without its store, and all of it where the bucket is lost too."""
    for backup, keeps in (("project", True), ("project", False), ("all", False)):
        if not keeps:
            few.empty()
        back = few.project(f"{backup}-{keeps}")
        back.toml.unlink()
        back.env |= few.server.env
        done = back.run("restore", str(medium / f"{backup}.backup"), "--key", key, check=False)
        if keeps or backup == "all":
            assert (done.rc, shows(back)) == (0, {"dev": 2, "prod": 3}), done
        else:
            assert (done.rc, "has no snapshot 2" in done.out) == (4, True), done
    back.run("publish")
    assert few.listed("snapshots/") == [f"snapshots/{number:06d}.json" for number in (1, 2, 3)]


def number_of(project: Project) -> int:
    """Return the number of the snapshot that a site without channels shows."""
    return int(json.loads((project.site / "snapshot.json").read_bytes())["number"])
