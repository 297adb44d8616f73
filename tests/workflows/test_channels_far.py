"""Channels over an air gap: bundles say what each shows, and the far side switches the same pointers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.sides import FARS, Far, Near, deb_of
from simulator.site_key import SiteKey

NAMES = '[site]\nchannels = ["dev", "prod"]\n'


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    one = Near(tmp_path / "near", site_key, upstream_key)
    one.medium.mkdir()
    one.project._head = one.project._head.replace("[site]\n", NAMES)
    one.project.write()
    one.publish(deb_of("first"))
    one.project.run("promote", "dev", "prod")
    one.export("full.tar", 0)
    one.publish(deb_of("second"))
    one.export("second.tar", 1)
    return one


def with_channels(far: Far) -> None:
    """Let a far side have channels as well."""
    toml = far.base / "cudepot.toml"
    toml.write_text(toml.read_text().replace("[site]\n", NAMES, 1))


def shown(far: Far) -> dict[str, int]:
    """Return channel → number of the snapshot a client sees."""
    links = {name: far.base / "site" / name / "snapshot.json" for name in ("dev", "prod")}
    return {name: json.loads(path.read_bytes())["number"] for name, path in links.items() if path.exists()}


def test_the_far_side_switches_the_same_pointers(
    near: Near, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    far = Far(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    with_channels(far)
    far.take(near.medium / "full.tar")
    far.run("publish")
    assert shown(far) == {"dev": 1, "prod": 1}
    far.take(near.medium / "second.tar")
    far.run("publish")
    assert shown(far) == {"dev": 2, "prod": 1}
    near.project.run("promote", "dev", "prod")
    (moved,) = near.export("moved.tar", 2)
    assert moved.stat().st_size < 100_000, "what channels show travels alone"
    far.take(moved)
    assert "prod: shows snapshot 2, as on the near side" in far.run("publish").out
    assert shown(far) == {"dev": 2, "prod": 2}
    far.take(near.medium / "second.tar")
    far.run("publish")
    assert shown(far) == {"dev": 2, "prod": 2}, "an older bundle moves nothing back"
    near.project.run("rollback", "1", "--channel", "prod")
    assert "has not come" in _told(near, far), "its roots were signed anew, in a snapshot that did not travel"
    far.take(*near.export("prod.tar", 2, "--channel", "prod"))
    far.run("publish")
    assert shown(far) == {"dev": 2, "prod": 3}
    assert far.run("verify", "--json").json["faults"] == []
    assert far.run("status", "--json").json["channels"] == {"dev": 2, "prod": 3}
    assert "come in bundles" in far.fail(3, "promote", "dev", "prod").error


def _told(near: Near, far: Far) -> str:
    far.take(*near.export("without.tar", 2))
    return far.run("publish").out


@pytest.mark.parametrize("kind", FARS)
def test_a_far_side_without_channels_is_as_before(
    near: Near, kind: type[Far], site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    far = kind(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    far.take(near.medium / "full.tar", near.medium / "second.tar")
    far.run("publish")
    assert json.loads((far.site / "snapshot.json").read_bytes())["number"] == 2
    assert far.run("verify", "--json").json["faults"] == []
