"""What does not travel in a bundle because less does: plain indexes as packed ones, documents as patches."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.process import run
from simulator.project import Project
from simulator.sides import Far, FarAlone, Near, deb_of
from simulator.site_key import SiteKey
from tests.workflows.test_hostile_bundles import read
from tests.workflows.test_stolen_site_key import Objects, forged, put

from cudepot.catalog.site.bundle import Manifest, Unpacked, parse_manifest
from cudepot.digest import Digest
from cudepot.store.layout import INCOMING
from cudepot.store.manifests import Manifests

INDEX = "apt/up/Packages"


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    near = Near(tmp_path / "gap", site_key, upstream_key)
    near.publish(deb_of("first"), deb_of("second"))
    return near


@pytest.fixture(params=[Far, pytest.param(FarAlone, marks=pytest.mark.lengthy)])
def far(request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    return one.init()


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
        return replace(manifest, unpacked=(Unpacked(plain, packed),))

    forged(bundle, site_key, forge)
    assert "more bytes than allowed" in far.refuse(10, bundle)


# ---- a snapshot's document is told as a patch of the last one's


@pytest.fixture
def whole(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    """A near side that mirrors 600 packages whole, all in the bundle ``full``; then it published one more."""
    near = Near(tmp_path / "whole", site_key, upstream_key, whole=True)
    near.repo.hashes = ("SHA256",)
    for number in range(600):
        offer(near, f"package{number}")
    near.publish()
    near.export("full.tar", 0)
    offer(near, "one-more")
    near.publish()
    return near


def offer(near: Near, name: str) -> None:
    """Add a package of some bytes upstream; a whole mirror does not look into it."""
    data, file = name.encode() * 9, f"{name}_1.0_amd64.deb"
    near.repo.put(near.repo.folder / file, data)
    digest = hashlib.sha256(data).hexdigest()
    head = f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\n"
    near.repo.stanzas.append(f"{head}Filename: ./{file}\nSize: {len(data)}\nSHA256: {digest}\nDescription: small\n")


def document(project: Project, number: int) -> Path:
    return project.store / f"snapshots/{number:06d}.json"


def test_an_increment_is_smaller_than_the_list_of_what_there_is(whole: Near, far: Far) -> None:
    far.take(whole.medium / "full.tar")
    (bundle,) = whole.export("more.tar", 1)
    assert bundle.stat().st_size * 2 < document(whole.project, 2).stat().st_size
    assert far.take(bundle)["imported"] == [2]
    patch, _ = patch_in(bundle, document(far, 2).stat().st_size)
    assert not far.object_of(patch.packed.sha256).exists(), "nothing needs it now"
    killed_before_it_was_forgotten = dict(read(bundle.read_bytes()))
    head = [killed_before_it_was_forgotten[name] for name in ("manifest.json", "manifest.json.asc")]
    Manifests(far.store, INCOMING).add(Digest.of(head[0]).sha256, *head)
    assert json.loads(far.run("bundle", "missing").out)["objects"] == [], "the patch is not missed"
    assert far.take(bundle)["waiting"] == [], "a second time there is nothing to do"
    assert document(far, 2).read_bytes() == document(whole.project, 2).read_bytes()
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []
    again = bundle.read_bytes()
    bundle.unlink()
    assert whole.export("more.tar", 1)[0].read_bytes() == again, "equal input gives equal bytes"


def patch_in(bundle: Path, size: int) -> tuple[Unpacked, bytes]:
    """Return the patch that gives so many bytes."""
    members = dict(read(bundle.read_bytes()))
    unpacked = parse_manifest(members["manifest.json"], "").unpacked
    (one,) = (one for one in unpacked if one.base and one.plain.size == size)
    return one, members[f"objects/{one.packed.sha256}"]


def test_the_patch_is_one_that_the_command_zstd_undoes(whole: Near, tmp_path: Path) -> None:
    (bundle,) = whole.export("more.tar", 1)
    old, new = document(whole.project, 1), document(whole.project, 2)
    patch, out = tmp_path / "patch.zst", tmp_path / "out"
    patch.write_bytes(patch_in(bundle, new.stat().st_size)[1])
    run("zstd", "-q", "-d", "--long=27", f"--patch-from={old}", patch, "-o", out)
    assert out.read_bytes() == new.read_bytes()


def test_what_a_patch_is_of_was_lost_and_comes_again(whole: Near, far: Far) -> None:
    far.take(whole.medium / "full.tar")
    (bundle,) = whole.export("more.tar", 1)
    lost = far.object((far.store / "snapshots/000001.json").read_bytes())
    lost.unlink()  # `gc` removes it; the snapshot has it
    index = json.loads(document(far, 1).read_text())["tree"][f"{INDEX}.gz"]["sha256"]
    far.object_of(index).unlink()
    refused = far.fail(3, "bundle", "import", str(bundle))
    assert "was lost here" in refused.error
    assert "missing`" in refused.hint
    wanted = whole.medium / "want.json"
    wanted.write_text(far.run("bundle", "missing").out)
    whole.project.run("bundle", "export", str(whole.medium / "again.tar"), "--want", str(wanted))
    assert far.take(whole.medium / "again.tar")["imported"] == [2]
    assert json.loads(far.run("bundle", "missing").out)["objects"] == []


def test_a_patch_of_something_else_is_refused(whole: Near, far: Far, site_key: SiteKey) -> None:
    far.take(whole.medium / "full.tar")
    (bundle,) = whole.export("more.tar", 1)
    one, data = patch_in(bundle, document(whole.project, 2).stat().st_size)

    def forge(manifest: Manifest, objects: Objects) -> Manifest:
        del objects[one.plain]
        other = put(objects, b"x" * 100_000)
        return replace(manifest, unpacked=(Unpacked(one.plain, put(objects, data), other),))

    forged(bundle, site_key, forge, whole.project)
    assert "does not give what the manifest says" in far.refuse(5, bundle)
