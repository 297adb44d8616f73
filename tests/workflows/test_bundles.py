"""Bundles between two projects that share nothing: the plain way, and everything that may go wrong on it."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.process import run
from simulator.project import Project
from simulator.sides import FARS, Far, FarAlone, Near, deb_of
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.kinds.yum.world import DEVEL, add_yum


@pytest.fixture(scope="module")
def near(
    site_key_master: tuple[KeyHome, Key], upstream_key: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Near:
    """Three snapshots; bundles ``full`` (nothing to 1), ``second`` (1 to 2), ``third`` (2 to 3); read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("gap")
    one = Near(folder, SiteKey(home.path, key, folder / "x", folder / "y"), upstream_key)
    one.publish(deb_of("first"), deb_of("noisy", size=300_000))
    one.export("full.tar", 0)
    one.publish(deb_of("second"))
    one.export("second.tar", 1)
    one.publish(deb_of("third"))
    one.export("third.tar", 2)
    one.export("split.tar", 0, "--split", "128K")
    return one


@pytest.fixture(params=[Far, pytest.param(FarAlone, marks=pytest.mark.lengthy)])
def far(request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    return one.init()


def test_the_plain_way(near: Near, far: Far) -> None:
    done = far.take(near.medium / "full.tar")
    assert done["imported"] == [1]
    assert [(one["upstream"], bool(one["signers"]), one["packages"]) for one in done["proved"]] == [("up", True, 2)]
    assert far.run("status", "--json").json["next"] == "publish"
    assert far.run("publish", "--json").json["fresh"]
    assert far.run("status", "--json").json["next"] == ""
    for name in ("second", "third"):
        far.take(near.medium / f"{name}.tar")
        far.run("publish")
    there, here = (
        {str(one.relative_to(top)): one.read_bytes() for one in top.rglob("*") if one.is_file()}
        for top in (near.project.site, far.site)
    )
    assert there == here
    assert far.run("verify", "--json").json["faults"] == []
    assert [one["number"] for one in far.run("snapshots", "--json").json] == [1, 2, 3]
    assert "unchanged" in far.run("publish").out
    assert far.take(near.medium / "third.tar")["imported"] == [], "taking it again changes nothing"


def test_people_can_check_it(near: Near, tmp_path: Path) -> None:
    for sums in near.medium.glob("*.SHA256SUMS"):
        run("sha256sum", "-c", sums, cwd=near.medium)
    for volume in near.medium.glob("*.tar"):
        folder = tmp_path / volume.stem
        folder.mkdir()
        run("tar", "-xf", volume, cwd=folder)
        run("sha256sum", "-c", "SHA256SUMS", cwd=folder)


def test_the_same_bundle_has_the_same_bytes_and_is_not_written_twice(near: Near) -> None:
    before = {one.name: one.read_bytes() for one in near.medium.iterdir()}
    (near.medium / "split-002.tar").unlink()
    (near.medium / "split-003.tar").write_bytes(b"cut")
    again = near.project.run(
        "bundle", "export", "--json", str(near.medium / "split.tar"), "--since", "0", "--split", "128K"
    )
    assert again.json["written"] == 2
    assert {one.name: one.read_bytes() for one in near.medium.iterdir()} == before


def test_volumes_in_any_order(near: Near, far: Far) -> None:
    """An object larger than a volume travels in pieces; a crash between volumes loses nothing."""
    split = sorted(near.medium.glob("split-*.tar"))
    assert len(split) >= 4
    assert all(one.stat().st_size <= 128_000 for one in split)
    random.Random(7).shuffle(split)
    for volume in split[:-1]:
        done = far.take(volume)
        assert done["imported"] == []
        assert done["waiting"]
        assert not (far.store / "snapshots").exists()
    far.fail(3, "publish")
    assert far.take(split[-1])["imported"] == [3]
    if type(far) is Far:  # one file writes no log
        assert " files that arrived in pieces: " in (far.store / "cudepot.log").read_text()
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []
    pieces = {
        one["sha256"]
        for one in json.loads(json.loads((far.store / "imported/000003.json").read_text())["manifest"])["pieces"][0][
            "of"
        ]
    }
    assert not pieces & {one.name for one in (far.store / "objects").glob("*/*")}


def test_bundles_in_any_order(near: Near, far: Far) -> None:
    done = far.take(*(near.medium / f"{name}.tar" for name in ("third", "full", "second")))
    assert done["imported"] == [1, 2, 3]


def test_gaps_and_older_ones_are_refused(near: Near, far: Far) -> None:
    assert "starts from snapshot 2, which is not here" in far.refuse(3, near.medium / "third.tar")
    far.take(*near.medium.glob("split-*.tar"))
    assert "older than 3" in far.refuse(5, near.medium / "second.tar")


def test_another_site_is_refused(near: Near, far: Far, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> None:
    (tmp_path / "other.asc").write_bytes(upstream_key[1].armored)
    other = Far(tmp_path / "other", tmp_path / "other.asc").init()
    assert "not a bundle from the site this project mirrors" in other.refuse(5, near.medium / "full.tar")


def test_another_upstream_key_is_refused(near: Near, site_key: SiteKey, tmp_path: Path) -> None:
    """The near side's word is not enough: its upstream's own signature is checked here."""
    strict = Far(tmp_path / "strict", site_key.key_file, "A" * 40).init()
    assert "key that is not pinned" in strict.refuse(5, near.medium / "full.tar")


def test_two_snapshots_of_one_number_are_refused(
    near: Near, far: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    fork = Near(tmp_path / "fork", site_key, upstream_key)
    fork.publish(deb_of("first"))
    (bundle,) = fork.export("fork.tar", 0)
    far.take(near.medium / "full.tar")
    assert "differs from the one imported earlier" in far.refuse(5, bundle)


def test_a_site_that_invents_a_package_is_refused(
    far: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    """Whoever holds the site's key still cannot show, as the upstream's, what the upstream did not sign."""
    near = Near(tmp_path / "evil", site_key, upstream_key)
    near.publish(deb_of("good"))
    lock = near.project.lock
    (found,) = (near.repo.folder).glob("good*.deb")
    data = found.read_bytes() + b"\n"
    import hashlib

    old, new = (hashlib.sha256(one).hexdigest() for one in (found.read_bytes(), data))
    text = lock.read_text().replace(old, new).replace(f"size = {len(data) - 1}", f"size = {len(data)}")
    lock.write_text(text)
    near.project.object(data).parent.mkdir(exist_ok=True)
    near.project.object(data).write_bytes(data)
    shutil.rmtree(near.project.store / "snapshots")
    shutil.rmtree(near.project.base / "site")
    near.project.run("publish")
    (bundle,) = near.export("evil.tar", 0)
    assert "not in the index its upstream signed" in far.refuse(5, bundle)


def test_lost_volumes_and_lost_objects_are_asked_for(near: Near, far: Far, tmp_path: Path) -> None:
    split = sorted(near.medium.glob("split-*.tar"))
    far.take(*split[1:])
    want = tmp_path / "want.json"
    want.write_text(far.run("bundle", "missing").out)
    bundle = tmp_path / "rest.tar"
    near.project.run("bundle", "export", str(bundle), "--want", str(want))
    assert bundle.stat().st_size < sum(one.stat().st_size for one in split)
    assert far.take(bundle)["imported"] == [3]
    far.run("publish")
    tree = json.loads((far.store / "snapshots/000003.json").read_bytes())["tree"]
    lost = tree["apt/up/first_1.0_amd64.deb"]["sha256"]
    (far.store / "objects" / lost[:2] / lost).unlink()
    want.write_text(far.run("bundle", "missing").out)
    assert [one["sha256"] for one in json.loads(want.read_text())["objects"]] == [lost]
    near.project.run("bundle", "export", str(tmp_path / "one.tar"), "--want", str(want))
    far.take(tmp_path / "one.tar")
    assert json.loads(far.run("bundle", "missing").out)["objects"] == []
    assert far.run("verify", "--json").json["faults"] == []


def test_rollback_on_the_far_side(near: Near, far: Far) -> None:
    for name in ("full", "second"):
        far.take(near.medium / f"{name}.tar")
    far.run("publish")
    assert far.run("rollback", "1", "--json").json["number"] == 1
    assert far.run("publish", "--dry-run", "--json").json["number"] == 1, "a dry run knows what was chosen"
    assert not (far.site / "apt/up/second_1.0_amd64.deb").exists()
    assert far.run("publish", "--json").json["number"] == 1
    far.take(near.medium / "third.tar")
    held = far.run("publish", "--json").json
    assert held["number"] == held["hold"]["shows"] == 1, "it stays whatever bundles bring"
    assert "apt/up/third_1.0_amd64.deb" in held["added"], "what is not shown is told"
    assert far.run("status", "--json").json["hold"]["since"] == held["hold"]["since"] != ""
    assert far.run("publish", "--release-rollback", "--json").json["number"] == 3
    assert far.run("status", "--json").json["hold"] is None
    assert far.run("verify", "--json").json["faults"] == []


def test_a_whole_mirror_travels_as_its_upstream_signed_it(
    far: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    near = Near(tmp_path / "whole", site_key, upstream_key, whole=True)
    near.publish(deb_of("first"))
    near.publish(deb_of("second"))
    (bundle,) = near.export("whole.tar", 0)
    assert far.take(bundle)["proved"][0]["packages"] == 2
    far.run("publish")
    assert (far.site / "apt/up/InRelease").read_bytes() == (near.repo.folder / "InRelease").read_bytes()
    assert far.run("verify", "--json").json["faults"] == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_yum_repository_travels_and_is_checked_again(
    rhel: Rhel, site_key: SiteKey, tmp_path: Path, whole: bool
) -> None:
    near = Project(tmp_path / "near", key=site_key.fingerprint, gnupg=site_key.home).init()
    add_yum(near, rhel, *(() if whole else (DEVEL,)), **({"whole": True} if whole else {}))
    near.publish()
    near.run("bundle", "export", str(tmp_path / "yum.tar"), "--since", "0")
    near.run("gc", "--keep", "1")
    for kind in FARS:
        far = kind(tmp_path / kind.__name__, site_key.key_file, rhel.key.fingerprint).init()
        (proved,) = far.take(tmp_path / "yum.tar")["proved"]
        assert proved["signers"] == [rhel.key.fingerprint]
        assert proved["packages"] > 1
        far.run("publish")
        assert far.run("verify", "--json").json["faults"] == []
        strict = kind(tmp_path / f"strict {kind.__name__}", site_key.key_file, "A" * 40).init()
        assert "not pinned" in strict.refuse(5, tmp_path / "yum.tar")


def test_what_signs_does_not_import_and_what_imports_does_not_sign(near: Near, far: Far) -> None:
    near.project.fail(3, "bundle", "import", str(near.medium / "full.tar"))
    near.project.fail(3, "bundle", "missing")
    far.fail(3, "publish")
    far.fail(3, "lock")
    far.take(near.medium / "full.tar")
    assert "cannot sign" in far.fail(3, "bundle", "export", str(far.base / "x.tar"), "--since", "0").error


def test_dry_runs_change_nothing(near: Near, far: Far, tmp_path: Path) -> None:
    before = far.published()
    done = far.run("bundle", "import", "--dry-run", "--json", str(near.medium / "full.tar")).json
    assert done["waiting"][0]["objects"] > 0
    assert far.published() == before
    assert not (far.store / "incoming").exists()
    near.project.run("bundle", "export", "--dry-run", str(tmp_path / "x.tar"), "--since", "0")
    assert not list(tmp_path.glob("x*"))


def test_inspect(near: Near, far: Far, tmp_path: Path) -> None:
    (found,) = far.run("bundle", "inspect", "--json", str(near.medium / "second.tar")).json
    assert (found["verified"], found["base"], found["number"], found["volumes"]) == (True, 1, 2, 1)
    assert found["roots"] == ["up: InRelease"]
    assert (
        "not checked"
        in run(
            sys.executable,
            "-m",
            "cudepot.cli.main",
            "bundle",
            "inspect",
            near.medium / "second.tar",
            env=far.env,
            cwd=tmp_path,
        ).stdout
    )


def test_nothing_new_is_said(near: Near, tmp_path: Path) -> None:
    assert (
        "nothing to send since 3"
        in near.project.fail(3, "bundle", "export", str(tmp_path / "x.tar"), "--since", "3").error
    )
    near.project.fail(3, "bundle", "export", str(tmp_path / "x.tar"), "--since", "9")
    near.project.fail(3, "bundle", "export", str(tmp_path / "x.tar"), "--since", "0", "--split", "10K")


def test_names_no_volume_can_have(near: Near, far: Far, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.tar").mkdir()
    os.mkfifo(tmp_path / "fifo.tar")
    (tmp_path / "link.tar.part").symlink_to(tmp_path / "file")
    for name, code in (("file/x.tar", 7), ("folder.tar", 7), ("x" * 300 + ".tar", 7), ("a\nb.tar", 3)):
        near.project.fail(code, "bundle", "export", str(tmp_path / name), "--since", "0")
    near.project.run("bundle", "export", str(tmp_path / "link.tar"), "--since", "0")
    assert (tmp_path / "file").read_text() == "mine"
    for name in ("fifo.tar", "folder.tar", "nothing.tar"):
        far.fail(3, "bundle", "import", str(tmp_path / name))


def test_gc_on_both_sides(near: Near, far: Far) -> None:
    """What the next bundle starts from stays, on both sides."""
    for name in ("full", "second", "third"):
        far.take(near.medium / f"{name}.tar")
        far.run("publish")
    before = {one.name for one in (far.store / "objects").glob("*/*")}
    far.run("gc", "--keep", "1", "--force")
    left = {one.name for one in (far.store / "objects").glob("*/*")}
    assert left < before
    assert far.run("verify", "--json").json["faults"] == []


def test_status_and_publish_name_what_a_part_of_a_bundle_waits_for(near: Near, far: Far) -> None:
    far.take(near.medium / "full.tar")
    far.run("publish")
    volumes = sorted(near.medium.glob("split*.tar"))
    assert len(volumes) > 1
    waiting = far.take(volumes[0])["waiting"][0]
    told = f"snapshot {waiting['number']} waits for {waiting['objects']} objects in volumes "
    assert told in far.run("publish").out
    status = far.run("status", "--check", check=False)
    assert status.rc == 14
    assert f"check: {told}" in status.out
    for one in volumes[1:]:
        far.take(one)
    far.run("publish")
    assert far.run("status", "--check").rc == 0
