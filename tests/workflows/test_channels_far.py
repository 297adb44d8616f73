"""Channels over an air gap: bundles say what each shows, and the far side switches the same pointers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import snapshot_of
from simulator.sides import FARS, Far, FarAlone, Near, deb_of
from simulator.site_key import SiteKey
from tests.workflows.test_stolen_site_key import Objects, forged, put

from cudepot.catalog.site.bundle import Manifest
from cudepot.catalog.site.promotion import parse_promotion, render_promotion
from cudepot.sealed import unsealed

NAMES = '[site]\nchannels = ["dev", "prod"]\n'


@pytest.fixture(scope="module")
def near(
    site_key_master: tuple[KeyHome, Key], upstream_key: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Near:
    """A near side whose prod went forth and back, a bundle of each step; read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("channels")
    one = Near(folder, SiteKey(home.path, key, folder / "x", folder / "y"), upstream_key)
    one.medium.mkdir()
    one.project._head = one.project._head.replace("[site]\n", NAMES)
    one.project.write()
    one.publish(deb_of("first"))
    one.project.run("promote", "dev", "prod", "-m", "tried", "--by", "alice")
    one.project.run("tag", "q3", "1")
    one.export("full.tar", 0)
    one.publish(deb_of("second"))
    one.export("second.tar", 1, "--with-cudepot")
    one.project.run("promote", "dev", "prod")
    one.project.run("tag", "--move", "q3", "2")
    one.export("moved.tar", 2)
    one.project.run("rollback", "1", "--channel", "prod")
    one.export("without.tar", 2)  # prod shows 3, whose roots were signed anew: it does not travel with this one
    one.export("back.tar", 2, "--channel", "prod")
    one.project.run("promote", "dev", "prod")
    one.export("again.tar", 2, "--channel", "prod")
    return one


@pytest.fixture(params=FARS)
def far(request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    """A far side with channels, which has nothing yet."""
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    with_channels(one)
    return one


def with_channels(far: Far) -> None:
    """Let a far side have channels as well."""
    toml = far.base / "cudepot.toml"
    toml.write_text(toml.read_text().replace("[site]\n", NAMES, 1))


def shown(far: Far) -> dict[str, int]:
    """Return channel → number of the snapshot a client sees."""
    links = {name: far.base / "site" / name / "snapshot.json" for name in ("dev", "prod", "current")}
    return {name: json.loads(path.read_bytes())["number"] for name, path in links.items() if path.exists()}


def told(near: Near, far: Far, bundle: str) -> str:
    """Import a bundle, publish, and return what that says."""
    far.take(near.medium / bundle)
    return far.run("publish").out


def test_the_far_side_switches_the_same_pointers(near: Near, far: Far) -> None:
    assert far.take(near.medium / "full.tar")["channels"] == {"dev": 1, "prod": 1}
    far.run("publish")
    assert shown(far) == {"dev": 1, "prod": 1, "current": 1}
    assert far.run("tag", "--json").json == {"q3": 1}
    far.run("tag", "mine", "1")
    assert str((far.base / "site/current").readlink()) == "prod", "clients from before see the last channel"
    told(near, far, "second.tar")
    assert shown(far) == {"dev": 2, "prod": 1, "current": 1}
    assert (near.medium / "moved.tar").stat().st_size < 100_000, "what channels show travels alone"
    said = far.run("bundle", "inspect", str(near.medium / "moved.tar")).out
    assert "channel prod shows snapshot 2\n  records of promotions: 1\n  tag q3: snapshot 2" in said
    assert "channels have moved" in far.run("bundle", "import", str(near.medium / "moved.tar")).out
    assert far.run("status", "--json").json["next"] == "publish"
    assert "prod: shows snapshot 2, as on the near side" in far.run("publish").out
    assert shown(far) == {"dev": 2, "prod": 2, "current": 2}
    assert far.take(near.medium / "second.tar")["channels"] == {}
    far.run("publish")
    assert shown(far)["prod"] == 2, "an older bundle moves nothing back"
    assert "snapshot 3 on the near side; that has not come" in told(near, far, "without.tar")
    assert shown(far)["prod"] == 2, "what has not come is not shown"
    assert "cut short" not in far.run("gc", "-n").out, "nor missed where a record tells of it"
    told(near, far, "back.tar")
    assert shown(far) == {"dev": 2, "prod": 3, "current": 3}
    assert far.run("verify", "--json").json["faults"] == []
    assert far.run("status", "--json").json["channels"] == {"dev": 2, "prod": 3}
    assert "come in bundles" in far.fail(3, "promote", "dev", "prod").error
    far.run("rollback", "1")
    told(near, far, "again.tar")
    assert shown(far) == {"dev": 1, "prod": 4, "current": 4}, "a rollback holds in the first channel"
    far.run("publish", "--release-rollback")
    assert (shown(far)["dev"], far.run("status", "--json").json["hold"]) == (2, None)
    _holds_the_same_records(near, far)


def _holds_the_same_records(near: Near, far: Far) -> None:
    """Records and tags came as they were signed, and tell of nothing that was cut short."""
    sides = (far.store / "promotions", near.project.store / "promotions")
    ours, theirs = ({one.name: one.read_bytes() for one in folder.iterdir()} for folder in sides)
    assert ours == theirs
    first, *_ = reversed(far.run("channels", "--json").json["promotions"])
    assert (first["who"], first["why"]) == ("alice", "tried")
    assert far.run("tag", "--json").json == {"mine": 1, "q3": 2}


def test_a_far_side_may_follow_one_channel_alone(near: Near, far: Far) -> None:
    far.toml.write_text(far.toml.read_text().replace('["dev", "prod"]', '["prod"]'))
    told(near, far, "full.tar")
    told(near, far, "second.tar")
    assert shown(far) == {"prod": 1, "current": 1}, "what came for dev alone is not shown in prod"


@pytest.mark.parametrize("kind", FARS)
def test_a_far_side_without_channels_is_as_before(
    near: Near, kind: type[Far], site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    far = kind(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    far.take(near.medium / "full.tar")
    said = far.run("bundle", "import", str(near.medium / "second.tar")).out
    assert '`channels = ["dev", "prod"]` in [site]' in said
    far.run("publish")
    assert json.loads((far.site / "snapshot.json").read_bytes())["number"] == 2
    assert far.run("verify", "--json").json["faults"] == []


Signs = tuple[KeyHome, Key]
Harm = Callable[[Manifest, Objects, Signs, Signs], Manifest]
"""Changes a manifest and its objects, with the site's key and another one."""


def shows(*pairs: tuple[str, int], **fields: Any) -> Harm:
    """Let a manifest say that channels show something else."""
    return lambda manifest, *_: replace(manifest, channels=pairs, **fields)


def records(other: bool = False, **fields: Any) -> Harm:
    """Let a manifest bring another record, signed by the site's key or another one."""

    def change(manifest: Manifest, objects: Objects, own: Signs, stranger: Signs) -> Manifest:
        ((record, _),) = manifest.records or ()
        home, key = stranger if other else own
        document = render_promotion(parse_promotion(objects[record], "record")._replace(**fields))
        pair = put(objects, document), put(objects, home.detach(document, key))
        return replace(manifest, records=(pair,), promotion=9)

    return change


HOSTILE: list[tuple[int, str, Harm]] = [
    *((10, "not a name of a channel", shows((name, 1))) for name in ("../../evil", "snapshots", "current", "a/x", "")),
    (10, "'dev' twice", shows(("dev", 1), ("dev", 2))),
    (10, "is not a tag", shows(("dev", 2), tags=(("../x", 1),))),
    (5, "channel prod would go back from snapshot 2 to 1, but no record says so", shows(("dev", 2), ("prod", 1))),
    (5, "channel dev would go back", shows(("dev", 1), ("prod", 2), promotion=9)),
    (5, "record 4 of a promotion does not follow record 2", records(number=4)),
    (5, "differs from the one that came earlier", records(why="another")),
    (5, "the record of a promotion", records(other=True)),
]


def test_hostile_words_of_channels_change_nothing(
    near: Near, far: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    for bundle in ("full.tar", "second.tar", "moved.tar"):
        told(near, far, bundle)
    before, kept = shown(far), _but_objects(far)
    own, volume = (KeyHome(site_key.home), site_key.key), tmp_path / "forged.tar"
    for code, said, harm in HOSTILE:
        volume.write_bytes((near.medium / "moved.tar").read_bytes())
        forged(volume, site_key, partial(_forged, harm, own, upstream_key))
        assert said in far.refuse(code, volume)
    far.run("publish")
    assert (shown(far), _but_objects(far)) == (before, kept)
    told(near, far, "without.tar")
    assert far.run("verify", "--json").json["faults"] == []


def _forged(harm: Harm, own: Signs, other: Signs, manifest: Manifest, objects: Objects) -> Manifest:
    return harm(manifest, objects, own, other)


def _but_objects(far: Far) -> dict[str, object]:
    """Return all files that say what is shown, with their marks; objects of what was refused stay until `gc`."""
    names = [
        far.base / "site",
        *(far.store / name for name in ("snapshots", "promotions", "channels.json", "tags.json")),
    ]
    return {**snapshot_of(*names)}


def test_the_file_goes_on_where_cudepot_stopped(
    near: Near, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    """What channels show, records and tags: written by the one, read by the other, and the same from both."""
    files = {}
    for kind in FARS:
        far = kind(tmp_path / kind.__name__, site_key.key_file, upstream_key[1].fingerprint).init()
        with_channels(far)
        for number, bundle in enumerate(("full.tar", "second.tar", "moved.tar")):
            side = far if number % 2 or kind is Far else FarAlone
            Far.run(far, "bundle", "import", str(near.medium / bundle)) if side is FarAlone else told(near, far, bundle)
        far.run("publish")
        files[kind] = {name: unsealed((far.store / f"{name}.json").read_bytes(), name) for name in ("channels", "tags")}
        assert shown(far) == {"dev": 2, "prod": 2, "current": 2}
    assert files[Far] == files[FarAlone]


def test_a_far_side_is_saved_without_a_signature_and_goes_on(
    near: Near, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    far = Far(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    with_channels(far)
    for bundle in ("full.tar", "second.tar"):
        told(near, far, bundle)
    far.run("rollback", "1")
    saved = far.run("backup", str(tmp_path / "saved.tar"), "--json").json
    assert (saved["signed"], saved["left"]) == (False, {})
    assert "has no private key" in far.fail(3, "backup", str(tmp_path / "saved.tar"), "--with-key").error
    before = {one: (far.base / "site" / one / "snapshot.json").read_bytes() for one in shown(far)}
    far.base.rename(tmp_path / "lost")
    far.base.mkdir()
    argv = ("restore", str(tmp_path / "saved.tar"))
    assert "give --sha256" in far.fail(3, *argv, "--key", site_key.fingerprint).hint
    assert "its sha256 is" in far.fail(5, *argv, "--sha256", "0" * 64).error
    assert list(far.base.iterdir()) == []
    far.run(*argv, "--sha256", saved["sha256"])
    assert {one: (far.base / "site" / one / "snapshot.json").read_bytes() for one in shown(far)} == before
    assert far.run("status", "--json").json["hold"]["shows"] == 1
    assert far.run("verify", "--json").json["faults"] == []
    told(near, far, "moved.tar")
    assert shown(far) == {"dev": 1, "prod": 2, "current": 2}
