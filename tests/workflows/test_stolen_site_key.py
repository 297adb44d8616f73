"""What whoever holds the near side's key still cannot do to a far side."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.sides import FARS, Far, Near, deb_of
from simulator.site_key import SiteKey
from tests.workflows.test_hostile_bundles import read, write

from cudepot.catalog.site.bundle import Manifest, parse_manifest, render_manifest, sums
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot, render_snapshot
from cudepot.digest import Digest
from cudepot.formats.compression import decompressed
from cudepot.formats.patch import patched

Objects = dict[Digest, bytes]


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    """One snapshot in the bundle ``full``."""
    one = Near(tmp_path / "near", site_key, upstream_key)
    one.publish(deb_of("first"))
    one.export("full.tar", 0)
    return one


@pytest.fixture(params=FARS)
def far(request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    """A far side that has nothing yet."""
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    return one.init()


def forged(
    volume: Path, key: SiteKey, change: Callable[[Manifest, Objects], Manifest], near: Project | None = None
) -> None:
    """Rewrite a bundle of one volume, signed again; what it patches lies in the store of ``near``."""
    members = read(volume.read_bytes())
    manifest = parse_manifest(members[0][1], "manifest")
    objects = {Digest.of(data): data for name, data in members if name.startswith("objects/")}
    for one in manifest.unpacked:  # forged bundles bring everything as it is
        packed = BytesIO(objects[one.packed])
        if one.base and near:
            stream = patched(near.object_of(one.base.sha256).read_bytes(), packed, "patch", limit=one.plain.size)
        else:
            stream = decompressed(packed, "packed", limit=one.plain.size)
        objects[one.plain] = stream.read()
    manifest = change(replace(manifest, unpacked=()), objects)
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

    forged(bundle, site_key, change, near.project)
    assert far.take(bundle)["imported"] == [2]
    assert json.loads(far.run("bundle", "missing").out)["objects"] == []
    assert tree["apt/up/InRelease"].sha256 in {one.name for one in (far.store / "objects").glob("*/*")}


def test_a_repository_of_no_locked_upstream_is_refused(near: Near, far: Far, site_key: SiteKey) -> None:
    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        tree = {**snapshot.tree, "apt/other/InRelease": snapshot.tree["apt/up/InRelease"]}
        return with_snapshot(manifest, objects, site_key, replace(snapshot, tree=tree))

    forged(near.medium / "full.tar", site_key, change)
    assert "belongs to no upstream" in far.refuse(5, near.medium / "full.tar")


EVIL = ("Package: evil", "Version: 1", "Architecture: amd64", "Filename: keys/evil", "Size: 4")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (EVIL, "not in the index its upstream signed"),
        ((EVIL[0], *EVIL[3:]), "is not in the form cudepot writes"),
        ((*EVIL[:3], *EVIL[4:]), "is not in the form cudepot writes"),
    ],
    ids=["a whole stanza", "no version or architecture, which apt passes over", "no file name"],
)
def test_a_package_the_sites_index_names_by_any_name_has_to_be_the_upstreams(
    near: Near, far: Far, site_key: SiteKey, fields: tuple[str, ...], told: str
) -> None:
    """Not called ``.deb``, and lying elsewhere: the index offers it all the same."""

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot, evil = parse_snapshot(objects[manifest.document], "snapshot"), put(objects, b"evil")
        index = objects[snapshot.tree["apt/up/Packages"]]
        index += "".join(f"{field}\n" for field in ("", *fields)).encode() + f"SHA256: {evil.sha256}\n".encode()
        listed = put(objects, index)
        release = put(objects, f"Date: x\nSHA256:\n {listed.sha256} {listed.size} Packages\n".encode())
        tree = {**snapshot.tree, "apt/up/Packages": listed, "apt/up/Release": release, "keys/evil": evil}
        return with_snapshot(manifest, objects, site_key, replace(snapshot, tree=tree))

    forged(near.medium / "full.tar", site_key, change)
    assert told in far.refuse(5, near.medium / "full.tar")


@pytest.mark.parametrize("far", [Far], indirect=True)  # one file asks the snapshot, not the lock
def test_an_upstream_that_nobody_signed_has_to_be_named_here(near: Near, far: Far, site_key: SiteKey) -> None:
    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        rows = objects[snapshot.lock].decode().splitlines(keepends=True)
        start = next(number for number, row in enumerate(rows) if row.startswith("signers"))
        end = next(number for number in range(start, len(rows)) if "]" in rows[number])
        lock = "".join(rows[:start] + rows[end + 1 :])
        return with_snapshot(manifest, objects, site_key, replace(snapshot, lock=put(objects, lock.encode())))

    forged(near.medium / "full.tar", site_key, change)
    assert "this repository is unsigned (apt)" in far.refuse(5, near.medium / "full.tar")
    toml = far.base / "cudepot.toml"
    toml.write_text(toml.read_text().replace("unsigned-upstreams = []", 'unsigned-upstreams = ["up"]'))
    assert far.take(near.medium / "full.tar")["imported"] == [1]


@pytest.mark.parametrize("far", [Far], indirect=True)  # likewise: tests/far/
def test_a_signed_upstream_cannot_be_called_a_folder(near: Near, far: Far, site_key: SiteKey) -> None:
    """What nobody signs has to be expected on this side; else its packages could be anything."""

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        lock = objects[snapshot.lock].decode().replace('type = "apt"', 'type = "folder"')
        lock = re.sub(r"\n\[\[upstream.root]].*?(?=\n\[\[artifact]])", "", lock, flags=re.DOTALL)
        tree = {**snapshot.tree, "apt/up/first_1.0_amd64.deb": put(objects, b"evil")}
        changed = replace(snapshot, tree=tree, lock=put(objects, lock.encode()))
        return replace(with_snapshot(manifest, objects, site_key, changed), roots=())

    forged(near.medium / "full.tar", site_key, change)
    assert "this repository is unsigned (folder)" in far.refuse(5, near.medium / "full.tar")
