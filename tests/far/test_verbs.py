"""The verbs of the one file: what they say, what they refuse, and what they own they cannot check."""

from __future__ import annotations

import fcntl
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.sides import Far, FarAlone, Near
from simulator.site_key import SiteKey
from tests.workflows.test_hostile_bundles import read, write
from tests.workflows.test_stolen_site_key import Objects, forged, put, with_snapshot

from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.site.bundle import Manifest, sums
from cudepot.catalog.site.file_traits import traits
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.digest import Digest
from cudepot_far.errors import FormatError
from cudepot_far.project import open_project
from cudepot_far.serve import cache_control, content_type
from cudepot_far.store import INCOMING
from cudepot_far.take_in import take_in


def alone(far: FarAlone, *argv: str, status: int = 0) -> str:
    """Run a verb of the file and return what it printed."""
    command = [far.python, "-I", str(far.file), argv[0], "-C", str(far.base), *argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=far.env)
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_status_says_what_is_there_and_what_was_not_checked(bundles: Near, far: FarAlone) -> None:
    assert "snapshots: none; shown: none" in alone(far, "status")
    imported = alone(far, "import", str(bundles.medium / "full.tar"))
    assert "not checked here, unlike by the full cudepot:" in imported
    assert "licences" in imported
    assert "next: publish" in alone(far, "status")
    alone(far, "publish")
    told = alone(far, "status")
    assert "snapshots: 1; shown: 1" in told
    assert "not checked here" in told
    assert "next:" not in told
    found = json.loads(alone(far, "status", "--json"))
    assert (found["shown"], found["missing"], found["hold"]) == (1, 0, None)


def test_check_reads_volumes_whole_and_changes_nothing(bundles: Near, far: FarAlone, tmp_path: Path) -> None:
    before, volume = far.everything(), bundles.medium / "full.tar"
    assert "volume 1 of 1, snapshot 1 from nothing: signed by" in alone(far, "check", str(volume))
    bad = tmp_path / "bad.tar"
    data = bytearray(volume.read_bytes())
    data[-2048] ^= 1  # in the last object, which no header covers
    bad.write_bytes(data)
    assert "error E" in alone(far, "check", str(bad), status=5)
    assert "starts from snapshot 1, which is not here" in alone(
        far, "check", str(bundles.medium / "plain.tar"), status=3
    )
    assert far.everything() == before


def test_check_needs_no_project_where_the_key_is_named(
    bundles: Near, far: FarAlone, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    (tmp_path / "other.asc").write_bytes(upstream_key[1].armored)
    volume, empty = str(bundles.medium / "full.tar"), str(tmp_path)
    good = ("check", volume, "--keyring", str(site_key.key_file), "--key", site_key.fingerprint, "-C", empty)
    assert "objects are good" in alone(far, *good)
    other = ("check", volume, "--keyring", str(tmp_path / "other.asc"), "-C", empty)
    assert "not a bundle from the site" in alone(far, *other, status=5)
    wrong = ("check", volume, "--keyring", str(site_key.key_file), "--key", "A" * 40, "-C", empty)
    assert "do not continue" in alone(far, *wrong, status=3)


def test_check_without_files_reads_all_that_is_here(bundles: Near, far: FarAlone) -> None:
    far.take(bundles.medium / "full.tar")
    far.run("publish")
    assert "all signatures and hashes are good" in alone(far, "check")
    file = far.site / "apt/up/package7_1.0_amd64.deb"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b"x")
    (far.site / "stranger").write_bytes(b"")
    told = alone(far, "check", status=5)
    assert "package7_1.0_amd64.deb: not in the store, or damaged" in told
    assert "stranger: belongs to no snapshot" in told


def test_init_pins_one_key_and_refuses_another(
    site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    both = tmp_path / "both.gpg"
    both.write_bytes(site_key.keyring.read_bytes() + upstream_key[1].binary)
    one = FarAlone(tmp_path / "far", site_key.key_file)
    assert "holds 2 keys" in alone(one, "init", str(both), status=3)
    assert "do not continue" in alone(one, "init", str(site_key.key_file), "--key", "B" * 40, status=3)
    assert not one.toml.exists()
    told = alone(one, "init", str(site_key.keyring), "--key", site_key.fingerprint)
    assert f"the site's key: {site_key.fingerprint}" in told
    assert "may sign upstreams: " in told, "NVIDIA's keys, as the near side's cudepot knows them"
    assert "exists" in alone(one, "init", str(site_key.key_file), status=3)
    (one.base / "keys/site.asc").write_bytes(upstream_key[1].armored)
    assert "holds " in alone(one, "status", status=3)


def test_the_project_it_makes_is_the_one_cudepot_makes(site_key: SiteKey, tmp_path: Path) -> None:
    keys = ("A" * 40, "B" * 40)
    texts = []
    for kind in (Far, FarAlone):
        one = kind(tmp_path / kind.__name__, site_key.key_file, *keys)
        one.run("init", "--from-site", str(site_key.key_file), "--label", "acme.x", "--unsigned-upstream", "a/b",
                *(word for key in keys for word in ("--upstream-key", key)))  # fmt: skip
        texts.append(one.toml.read_text())
        assert (one.base / "keys/site.asc").read_bytes() == site_key.key_file.read_bytes()
    assert texts[0] == texts[1]


def forge(bundle: Path, key: SiteKey, **fields: Any) -> None:
    """Sign a snapshot anew that says something else of itself, or of its tree, to which ``tree`` adds."""

    def change(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        more = {path: put(objects, data) for path, data in fields.pop("tree", {}).items()}
        changed = replace(snapshot, tree={**snapshot.tree, **more}, **fields)
        return with_snapshot(manifest, objects, key, changed)

    forged(bundle, key, change)


@pytest.mark.parametrize(
    ("upstreams", "told"),
    [
        ((LockedUpstream("up", "folder", "x", "x"),), "this repository is unsigned (folder)"),
        ((LockedUpstream("up", "apt", "x", "x"),), "this repository is unsigned (apt)"),
        ((), "belongs to no upstream"),
    ],
)
def test_the_near_side_cannot_say_that_nobody_has_to_sign(
    bundles: Near, far: FarAlone, site_key: SiteKey, tmp_path: Path, upstreams: tuple[LockedUpstream, ...], told: str
) -> None:
    bundle = tmp_path / "forged.tar"
    bundle.write_bytes((bundles.medium / "full.tar").read_bytes())
    forge(bundle, site_key, upstreams=upstreams)
    assert told in far.refuse(5, bundle)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("compute/cuda/repos/x/evil.deb", "is not a copy of what an upstream has"),
        ("compute/cuda/repos/x/InRelease", "is not a copy of what an upstream has"),
        ("libnvidia-container/stable/rpm/repodata/repomd.xml", "is not a copy of what an upstream has"),
        ("apt/up/evil.deb", "not in the index its upstream signed"),
        ("environments/x/apt/InRelease", "belongs to no upstream"),
    ],
)
def test_what_clients_would_install_has_to_hang_from_an_upstream(
    bundles: Near, far: FarAlone, site_key: SiteKey, tmp_path: Path, path: str, told: str
) -> None:
    bundle = tmp_path / "forged.tar"
    bundle.write_bytes((bundles.medium / "full.tar").read_bytes())
    forge(bundle, site_key, tree={path: b"evil"})
    assert told in far.refuse(5, bundle)


def test_a_name_that_was_shown_never_gets_other_bytes(
    bundles: Near, far: FarAlone, site_key: SiteKey, tmp_path: Path
) -> None:
    for number, name in enumerate(("full", "plain"), 1):
        bundle = tmp_path / f"{name}.tar"
        bundle.write_bytes((bundles.medium / f"{name}.tar").read_bytes())
        if number == 1:
            forge(bundle, site_key, tree={"wheels/a-1-py3-none-any.whl": b"one"})
            far.take(bundle)
            assert "a-1-py3-none-any.whl" in (far.store / "published.log").read_text()
            continue
        first = (far.store / "snapshots/000001.json").read_bytes()

        def change(manifest: Manifest, objects: Objects, parent: bytes = first) -> Manifest:
            snapshot = parse_snapshot(objects[manifest.document], "snapshot")
            here = parse_snapshot(parent, "snapshot")
            tree = {**snapshot.tree, "wheels/a-1-py3-none-any.whl": put(objects, b"two")}
            link = Digest.of(parent).sha256
            changed = replace(snapshot, tree=tree, parent=link)
            base = replace(manifest.base, number=here.number, sha256=link)
            return with_snapshot(replace(manifest, base=base), objects, site_key, changed)

        forged(bundle, site_key, change)
        assert "would become" in far.refuse(3, bundle)


def test_the_same_file_is_served_alike() -> None:
    paths = [
        "apt/x/InRelease",
        "apt/x/Release.gpg",
        "apt/x/Packages.xz",
        "apt/x/by-hash/SHA256/" + "a" * 64,
        "apt/x/a_1_all.deb",
        "yum/x/repodata/repomd.xml",
        "yum/x/repodata/repomd.xml.asc",
        f"yum/x/repodata/{'b' * 64}-primary.xml.gz",
        "yum/x/a.rpm",
        "conda/main/linux-64/a-1-0.conda",
        "conda/main/linux-64/a-1-0.tar.bz2",
        "conda/main/linux-64/repodata.json.zst",
        f"conda/main/noarch/shards/{'c' * 64}.msgpack.zst",
        "simple/a/index.html",
        "simple/index.json",
        "snapshot.json",
        "wheels/a-1-py3-none-any.whl",
        "wheels/a-1-py3-none-any.whl.metadata",
        "wheels/a-1.tar.gz",
        "files/x/a.tgz",
        "page.css",
        "compute/cuda/repos/u/x86_64/cuda-keyring_1.1-1_all.deb",
        "compute/cuda/repos/u/x86_64/a_1_amd64.deb",
        "keys/site.gpg",
    ]
    for path in paths:
        wanted = traits(path)
        asked_for_json = path.endswith("index.json")  # where it is negotiated, it has PyPI's own type
        assert cache_control(path) == wanted.cache_control, path
        assert asked_for_json or content_type(path) == wanted.content_type, path


def test_cudepot_takes_over_and_the_file_goes_on(
    bundles: Near, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    """The first bundle by the file, the second by cudepot, a rollback by the one, its end by the other."""
    far = FarAlone(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    far.init()
    full = Project.run
    far.take(bundles.medium / "full.tar")
    far.run("publish")
    super_run = Far.start
    child = super_run(far, "bundle", "import", "--json", str(bundles.medium / "patched.tar"))
    out, err = child.communicate(timeout=120)
    assert json.loads(out)["imported"] == [2], err
    assert far.run("publish", "--json").json["number"] == 2
    assert far.run("rollback", "1", "--json").json["number"] == 1
    assert full(far, "status", "--json").json["hold"]["shows"] == 1
    child = super_run(far, "publish", "--release-rollback", "--json")
    assert json.loads(child.communicate(timeout=120)[0])["number"] == 2
    assert json.loads(alone(far, "status", "--json"))["hold"] is None
    assert far.run("verify", "--json").json["faults"] == []


def test_a_newer_bundle_format_is_told(far: FarAlone, bundles: Near, site_key: SiteKey, tmp_path: Path) -> None:

    from cudepot.digest import Digest

    found = read((bundles.medium / "full.tar").read_bytes())
    document = found[0][1].replace(b"cudepot-bundle 2", b"cudepot-bundle 9")
    signature = KeyHome(site_key.home).detach(document, site_key.key)
    objects = [Digest.of(data) for _, data in found[3:]]
    head = [
        ("manifest.json", document),
        ("manifest.json.asc", signature),
        ("SHA256SUMS", sums(document, signature, objects)),
    ]
    bundle = tmp_path / "newer.tar"
    bundle.write_bytes(write([*head, *found[3:]]))
    told = far.fail(3, "bundle", "import", str(bundle))
    assert "cudepot-bundle 9" in told.error
    assert "cudepot-far.pyz of the near side" in told.hint


def test_it_does_not_work_beside_cudepot(bundles: Near, far: FarAlone) -> None:
    volume = str(bundles.medium / "full.tar")
    with (far.store / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another cudepot process holds" in far.fail(9, "bundle", "import", volume).error


def test_what_trips_it_up_is_forgotten_and_the_next_bundle_comes_in(bundles: Near, far: FarAlone) -> None:
    def stumbles(told: str) -> None:
        if told.startswith("checking"):
            raise ValueError(told)

    project = open_project(str(far.base))
    with pytest.raises(FormatError, match=r"cannot be read .ValueError: checking"):
        take_in(project, [str(bundles.medium / "full.tar")], stumbles)
    assert project.store.manifests(INCOMING) == []
    assert far.take(bundles.medium / "full.tar")["imported"] == [1]
