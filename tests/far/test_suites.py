"""Suites of environments: the site alone signs them, so they may say nothing that upstreams' repositories do not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.keys import KeyHome
from simulator.sides import FarAlone, Near
from simulator.site_key import SiteKey
from tests.workflows.test_stolen_site_key import Objects, forged, put, with_snapshot

from cudepot.catalog.site.bundle import Manifest
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.formats.apt import PackageIndex
from cudepot.kinds.apt.rules.suite import Named, packages, release

PLACE = "main/binary-amd64/Packages"
Change = Callable[[bytes], bytes]


def evil(index: bytes) -> bytes:
    """Add a package that no upstream has."""
    stanza = index.split(b"\n\n")[0].replace(b"Package: package0", b"Package: evil")
    return stanza.replace(b"Filename: up/package0", b"Filename: up/evil") + b"\n\n" + index


CHANGES: list[tuple[Change, str]] = [
    (evil, "which no upstream has on the site"),
    (lambda index: index.replace(b"Version: 1.0", b"Version: 9.0", 1), "differently from the repository"),
    (lambda index: index.replace(b"Filename: up/package0_", b"Filename: up/package1_", 1), "which no upstream has"),
    (lambda index: index.replace(b"\nFilename", b"\nDepends: evil\nFilename", 1), "differently from the repository"),
    (lambda index: re.sub(rb"\nSize: (\d+)", rb"\nSize: \1a", index, count=1), "without usable size"),
]


def with_suite(bundle: Path, key: SiteKey, change: Change, **more: bytes) -> None:
    """Give a bundle's snapshot a suite over all that its upstream has, written as cudepot does, then changed."""

    def add(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        index = PackageIndex(objects[snapshot.tree["apt/up/Packages"]], "Packages")
        every = [("up", one) for name in index.names() for one in index.named(name)]
        text = change(packages(every, ["package3"]))
        root = release(Named("acme", "node", "bookworm"), ["amd64"], {PLACE: text}, "Sat, 28 Nov 2026 00:00:00 +0000")
        home = KeyHome(key.home)
        files = {PLACE: text, "Release": root, "InRelease": home.clearsign(root, key.key), **more}
        files["Release.gpg"] = home.detach(root, key.key)
        listed = put(objects, text)
        tree = {f"apt/dists/node/{path}": put(objects, data) for path, data in files.items()}
        tree[f"apt/dists/node/main/binary-amd64/by-hash/SHA256/{listed.sha256}"] = listed
        return with_snapshot(manifest, objects, key, replace(snapshot, tree={**snapshot.tree, **tree}))

    forged(bundle, key, add)


@pytest.fixture
def bundle(bundles: Near, tmp_path: Path) -> Path:
    return Path(shutil.copy(bundles.medium / "full.tar", tmp_path / "suite.tar"))


def test_a_suite_as_cudepot_writes_it_comes_in(far: FarAlone, bundle: Path, site_key: SiteKey) -> None:
    with_suite(bundle, site_key, lambda index: index)
    done = far.take(bundle)
    assert done["imported"] == [1]
    assert any("apt/dists" in one for one in done["unchecked"])
    far.run("publish")
    assert (far.site / "apt/dists/node/InRelease").is_file()


@pytest.mark.parametrize(("change", "told"), CHANGES, ids=["evil", "version", "place", "field", "size"])
def test_a_suite_that_says_anything_else_is_refused(
    far: FarAlone, bundle: Path, site_key: SiteKey, change: Change, told: str
) -> None:
    with_suite(bundle, site_key, change)
    assert told in far.refuse(5, bundle)


def test_what_lies_in_a_suite_belongs_to_it(far: FarAlone, bundle: Path, site_key: SiteKey) -> None:
    with_suite(bundle, site_key, lambda index: index, stranger=b"x")
    assert "does not belong to a suite" in far.refuse(5, bundle)
