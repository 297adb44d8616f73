"""What whoever holds the near side's key still cannot do to a far side."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import SiteKey
from tests.upstream.keys import Key, KeyHome
from tests.workflows.far import Far, Near, deb_of
from tests.workflows.test_hostile_bundles import read, write

from cudepot.catalog.bundle import Manifest, parse_manifest, render_manifest, sums
from cudepot.catalog.snapshot import Snapshot, parse_snapshot, render_snapshot
from cudepot.digest import Digest

Objects = dict[Digest, bytes]


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    """One snapshot in the bundle ``full``."""
    one = Near(tmp_path / "near", site_key, upstream_key)
    one.publish(deb_of("first"))
    one.export("full.tar", 0)
    return one


@pytest.fixture
def far(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    """A far side that has nothing yet."""
    return Far(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()


def forged(volume: Path, key: SiteKey, change: Callable[[Manifest, Objects], Manifest]) -> None:
    """Rewrite a bundle of one volume, signed again."""
    members = read(volume.read_bytes())
    manifest = parse_manifest(members[0][1], "manifest")
    objects = {Digest.of(data): data for name, data in members if name.startswith("objects/")}
    manifest = change(manifest, objects)
    document = render_manifest(replace(manifest, volumes=(tuple(sorted(objects)),)))
    signature = KeyHome(key.home).detach(document, key.key)
    head = [("manifest.json", document), ("manifest.json.asc", signature)]
    head.append(("SHA256SUMS", sums(document, signature, sorted(objects))))
    volume.write_bytes(write([*head, *((f"objects/{one.sha256}", objects[one]) for one in sorted(objects))]))


def put(objects: Objects, data: bytes) -> Digest:
    return objects.setdefault(Digest.of(data), data) and Digest.of(data)


def with_snapshot(manifest: Manifest, objects: Objects, key: SiteKey, snapshot: Snapshot) -> Manifest:
    """Return a manifest that brings another snapshot, signed."""
    document = render_snapshot(snapshot)
    signature = KeyHome(key.home).detach(document, key.key)
    return replace(manifest, document=put(objects, document), signature=put(objects, signature))


def test_a_package_called_an_extra_is_refused_beside_an_index_of_the_site(
    near: Near, far: Far, site_key: SiteKey
) -> None:
    """Nobody signs extras: they pass only where clients see the upstream's own index, which does not offer them."""

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        evil = put(objects, b"evil")
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        entry = f'[[upstream.file]]\npath = "evil.deb"\nrole = "extra"\nsha256 = "{evil.sha256}"\nsize = 4\n\n'
        lock = objects[snapshot.lock].decode().replace("[[artifact]]", f"{entry}[[artifact]]", 1)
        tree = {**snapshot.tree, "apt/up/evil.deb": evil}
        return with_snapshot(
            manifest, objects, site_key, replace(snapshot, lock=put(objects, lock.encode()), tree=tree)
        )

    forged(near.medium / "full.tar", site_key, change)
    assert "not in the index its upstream signed" in far.refuse(5, near.medium / "full.tar")


def test_an_object_of_an_older_snapshot_called_a_piece_stays(near: Near, far: Far, site_key: SiteKey) -> None:
    far.take(near.medium / "full.tar")
    near.publish(deb_of("second"))
    (bundle,) = near.export("second.tar", 1)
    tree = parse_snapshot((far.store / "snapshots/000001.json").read_bytes(), "snapshot").tree

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        return replace(manifest, pieces=((tree["apt/up/first_1.0_amd64.deb"], (tree["apt/up/InRelease"],)),))

    forged(bundle, site_key, change)
    assert far.take(bundle)["imported"] == [2]
    assert json.loads(far.run("bundle", "missing").out)["objects"] == []
    assert tree["apt/up/InRelease"].sha256 in {one.name for one in (far.store / "objects").glob("*/*")}
