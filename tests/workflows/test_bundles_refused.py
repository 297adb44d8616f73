"""Bundles that are refused, overtaken or damaged while they wait: those that come after them come in all the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.sides import FARS, Far, Near, deb_of
from simulator.site_key import SiteKey
from tests.workflows.test_stolen_site_key import Objects, forged, put, with_snapshot

from cudepot.catalog.site.bundle import Manifest
from cudepot.catalog.site.snapshot import parse_snapshot


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    """Two snapshots: bundles ``split`` (nothing to 1, several volumes), ``full`` (nothing to 2)."""
    one = Near(tmp_path / "near", site_key, upstream_key)
    one.publish(deb_of("noisy", size=300_000))
    one.export("split.tar", 0, "--split", "128K")
    one.publish(deb_of("second"))
    one.export("full.tar", 0)
    return one


@pytest.fixture(params=FARS)
def far(request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    return one.init()


def evil(bundle: Path, key: SiteKey) -> None:
    """Let a bundle show a package its upstream does not know, signed with the site's key."""

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        tree = {**snapshot.tree, "apt/up/evil.deb": put(objects, b"evil")}
        return with_snapshot(manifest, objects, key, replace(snapshot, tree=tree))

    forged(bundle, key, change)


def waiting(far: Far) -> list[Path]:
    return list((far.store / "incoming").glob("*"))


def test_a_refused_bundle_is_forgotten_and_told_and_the_next_one_comes_in(
    near: Near, far: Far, site_key: SiteKey, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tar"
    shutil.copy(near.medium / "full.tar", bad)
    evil(bad, site_key)
    assert "not in the index its upstream signed" in far.refuse(5, bad)
    assert waiting(far) == []
    done = far.fail(5, "bundle", "import", str(bad), *map(str, near.medium.glob("split-*.tar")))
    assert "not in the index" in done.error
    assert "snapshot 1 was imported anyway" in done.error
    assert far.take(near.medium / "full.tar")["imported"] == [2]
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []


def test_what_is_refused_for_a_key_comes_in_when_that_is_mended(near: Near, far: Far) -> None:
    """Any one volume is enough then: what it brought is still there."""
    toml = far.toml.read_text()
    far.toml.write_text(toml.replace(near.repo.key.fingerprint, "A" * 40))
    volumes = sorted(near.medium.glob("split-*.tar"))
    assert "not pinned" in far.refuse(5, *volumes)
    far.toml.write_text(toml)
    assert far.take(volumes[1])["imported"] == [1]


def test_what_was_overtaken_is_forgotten(near: Near, far: Far) -> None:
    volumes = sorted(near.medium.glob("split-*.tar"))
    assert far.take(volumes[0])["imported"] == []
    done = far.take(near.medium / "full.tar")
    assert (done["imported"], done["waiting"]) == ([2], [])
    assert [(one["number"], one["forgotten"]) for one in done["refused"]] == [(1, True)]
    assert waiting(far) == []


def test_a_damaged_note_of_a_waiting_bundle_stops_nothing(near: Near, far: Far) -> None:
    volumes = sorted(near.medium.glob("split-*.tar"))
    far.take(volumes[0])
    (note,) = waiting(far)
    note.chmod(0o644)
    note.write_bytes(note.read_bytes().replace(b"sha256", b"sha255"))
    assert far.run("bundle", "missing", "--json").json["pending"] == []
    done = far.take(*volumes[1:])
    assert (done["imported"], [one["forgotten"] for one in done["refused"]]) == ([1], [True])
    assert waiting(far) == []


@pytest.mark.parametrize("far", [Far], indirect=True)  # one file reads no lock, and says so
def test_a_lock_nobody_can_read_is_told_and_stops_nothing(
    near: Near, far: Far, site_key: SiteKey, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tar"
    shutil.copy(near.medium / "full.tar", bad)

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        return with_snapshot(manifest, objects, site_key, replace(snapshot, lock=put(objects, b"\xff = [")))

    forged(bad, site_key, change)
    assert "is not TOML" in far.refuse(3, bad)
    assert far.take(*near.medium.glob("split-*.tar"))["imported"] == [1]
    assert far.take(near.medium / "full.tar")["imported"] == [2]
    assert waiting(far) == []


def test_a_damaged_lock_of_a_snapshot_is_found_and_brought_again(near: Near, far: Far, tmp_path: Path) -> None:
    far.take(near.medium / "full.tar")
    far.run("publish")
    sha256 = json.loads((far.store / "snapshots/000002.json").read_bytes())["lock"]["sha256"]
    lock = far.store / "objects" / sha256[:2] / sha256
    lock.chmod(0o644)
    lock.write_bytes(lock.read_bytes().replace(b"=", b"\xff"))
    faults = far.run("verify", "--json", check=False)
    assert faults.rc == 5
    assert any(f"object {lock}: its content has sha256" in one for one in faults.json["faults"])
    far.run("verify", "--repair", check=False)
    want = tmp_path / "want.json"
    want.write_text(far.run("bundle", "missing").out)
    near.project.run("bundle", "export", str(tmp_path / "lock.tar"), "--want", str(want))
    far.take(tmp_path / "lock.tar")
    assert far.run("verify", "--json").json["faults"] == []
