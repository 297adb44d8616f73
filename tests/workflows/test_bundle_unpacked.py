"""Plain indexes do not travel in a bundle where a packed form of them does; the far side has them all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import SiteKey
from tests.upstream.keys import Key, KeyHome
from tests.workflows.far import Far, Near, deb_of
from tests.workflows.test_stolen_site_key import Objects, forged

from cudepot.catalog.bundle import Manifest

INDEX = "apt/up/Packages"


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    near = Near(tmp_path / "gap", site_key, upstream_key)
    near.publish(deb_of("first"), deb_of("second"))
    return near


@pytest.fixture
def far(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    return Far(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()


def test_a_plain_index_is_unpacked_on_the_far_side(near: Near, far: Far) -> None:
    (bundle,) = near.export("full.tar", 0)
    plain = (near.project.site / INDEX).read_bytes()
    assert near.project.object(plain).name.encode() + b"\0" not in bundle.read_bytes(), "it is no member of the tar"
    assert plain not in bundle.read_bytes()
    far.take(bundle)
    far.run("publish")
    assert (far.site / INDEX).read_bytes() == plain
    assert far.run("verify", "--json").json["faults"] == []


def test_a_packed_form_that_holds_something_else_is_refused(near: Near, far: Far, site_key: SiteKey) -> None:
    (bundle,) = near.export("full.tar", 0)

    def forge(manifest: Manifest, objects: Objects) -> Manifest:
        packed = manifest.document
        (plain,) = (one for one, data in objects.items() if data == (near.project.site / INDEX).read_bytes())
        del objects[plain]
        return replace(manifest, unpacked=((plain, packed),))

    forged(bundle, site_key, forge)
    assert "more bytes than allowed" in far.refuse(10, bundle)
