"""Indexes that a stolen site key signs: what some client could read in them is what the far side reads."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.apt import DistsRepo
from simulator.debs import write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.sides import Far, FarAlone, Near, deb_of
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.kinds.yum.world import DEVEL, add_yum
from tests.workflows.test_stolen_site_key import Objects, forged, put, with_snapshot

from cudepot.catalog.site.bundle import Manifest
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.digest import Digest

EVIL = b"evil"
SHA256 = Digest.of(EVIL).sha256
STANZA = b"\nPackage: evil\nVersion: 1\nArchitecture: all\nFilename: keys/evil\nSize: 4\n"

Text = tuple[str, bytes]
"""A path on the site and its new content."""


@pytest.fixture(params=[Far, pytest.param(FarAlone, marks=pytest.mark.lengthy)])
def far(request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    """A far side that has nothing yet."""
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    return one.init()


def replaced(bundle: Path, key: SiteKey, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    """Let a bundle show other files, with the package ``keys/evil`` beside them; ``change`` sees the whole site."""

    def forge(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        site = {path: objects[one] for path, one in snapshot.tree.items()}
        tree = dict(snapshot.tree) | {path: put(objects, data) for path, data in change(site).items()}
        tree["keys/evil"] = put(objects, EVIL)
        return with_snapshot(manifest, objects, key, replace(snapshot, tree=tree))

    forged(bundle, key, forge)


def release(*sections: str) -> bytes:
    return ("Date: Mon, 01 Jan 2024 00:00:00 +0000\n" + "".join(sections)).encode()


def line(index: bytes) -> str:
    one = Digest.of(index)
    return f" {one.sha256} {one.size} Packages\n"


def weak(index: bytes) -> dict[str, bytes]:
    """A package by MD5 only: old clients would install it."""
    bad = index + STANZA + b"MD5sum: 4034a346ccee15292d823416f7510a2f\n"
    return {"apt/up/Packages": bad, "apt/up/Release": release("SHA256:\n", line(bad))}


def weak_section(index: bytes) -> dict[str, bytes]:
    """Another index, which the Release knows by SHA512 only: apt would take it."""
    sums = "0" * 128
    return {"apt/up/Release": release("SHA256:\n", line(index), f"SHA512:\n {sums} 4 Packages.xz\n")}


def other_case(index: bytes) -> dict[str, bytes]:
    """The field twice, in two spellings: which of them counts is the reader's choice."""
    bad = index + STANZA + f"SHA256: {SHA256}\n".encode()
    return {"apt/up/Packages": bad, "apt/up/Release": release("sha256:\n", line(bad), "SHA256:\n", line(index))}


def other_index(index: bytes) -> dict[str, bytes]:
    """An index that no client of debs reads today."""
    return {"apt/up/Release": release("SHA256:\n", line(index), line(index).replace("Packages", "Sources"))}


@pytest.mark.parametrize("harm", [weak, weak_section, other_case, other_index])
def test_an_apt_index_is_as_cudepot_writes_it(
    harm: Callable[[bytes], dict[str, bytes]],
    far: Far,
    site_key: SiteKey,
    upstream_key: tuple[KeyHome, Key],
    tmp_path: Path,
) -> None:
    near = Near(tmp_path / "near", site_key, upstream_key)
    near.publish(deb_of("first"))
    (bundle,) = near.export("full.tar", 0)
    replaced(bundle, site_key, lambda site: harm(site["apt/up/Packages"]))
    assert "is not in the form cudepot writes" in far.refuse(5, bundle)


def inserted(primary: bytes, *, second: str = "", kind: str = "sha256", value: str = SHA256) -> bytes:
    """Return primary.xml with one more package, and ``second`` beside its checksum."""
    head, entry, tail = re.split(rb"(<package .*?</package>)", primary, maxsplit=1, flags=re.DOTALL)
    sums = f'<checksum type="{kind}" pkgid="YES">{value}</checksum>{second}'.encode()
    evil = re.sub(rb"<checksum .*?</checksum>", sums, re.sub(rb"<name>.*?</name>", b"<name>evil</name>", entry))
    return head + entry + evil + tail


def renamed(repomd: bytes, primary: bytes, *, more: str = "") -> tuple[bytes, bytes, str]:
    """Return repomd.xml whose primary is that document under a name that does not say so; the file; its path."""
    data = gzip.compress(primary, mtime=0)
    one, opened = Digest.of(data), Digest.of(primary)
    path = f"repodata/{one.sha256}-list.xml.gz"
    record = (
        f'<data type="primary"><checksum type="sha256">{one.sha256}</checksum>{more}'
        f'<open-checksum type="sha256">{opened.sha256}</open-checksum><location href="{path}"/>'
        f"<timestamp>1</timestamp><size>{one.size}</size><open-size>{opened.size}</open-size></data>"
    )
    return re.sub(rb'<data type="primary">.*?</data>', record.encode(), repomd, flags=re.DOTALL), data, path


def plainly(primary: bytes, repomd: bytes) -> tuple[bytes, bytes, str]:
    return renamed(repomd, inserted(primary))


def two_sums(primary: bytes, repomd: bytes) -> tuple[bytes, bytes, str]:
    found = re.search(rb'<checksum type="sha256" pkgid="YES">([0-9a-f]+)<', primary)
    assert found
    second = f'<checksum pkgid="YES" type="sha256">{SHA256}</checksum>'
    return renamed(repomd, inserted(primary, second=second, value=found[1].decode()))


def by_sha1(primary: bytes, repomd: bytes) -> tuple[bytes, bytes, str]:
    return renamed(repomd, inserted(primary, kind="sha", value="0" * 40))


def two_records(primary: bytes, repomd: bytes) -> tuple[bytes, bytes, str]:
    return renamed(repomd, primary, more=f'<checksum type="sha256">{SHA256}</checksum>')


def foreign_record(primary: bytes, repomd: bytes) -> tuple[bytes, bytes, str]:
    text, data, path = renamed(repomd, primary)
    evil = b'<data xmlns="x" type="primary"><location href="keys/evil"/></data></repomd>'
    return text.replace(b"</repomd>", evil), data, path


def zchunk(primary: bytes, repomd: bytes) -> tuple[bytes, bytes, str]:
    """A second list that newer clients prefer."""
    text, data, path = renamed(repomd, primary)
    found = re.search(rb'<data type="primary">.*?</data>', text, re.DOTALL)
    assert found
    other = found[0].replace(b'"primary"', b'"primary_zck"')
    return text.replace(b"</repomd>", other + b"</repomd>"), data, path


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (plainly, "not in the index its upstream signed"), (two_sums, "not in the form cudepot writes"),
        (by_sha1, "not in the form cudepot writes"), (two_records, "not in the form cudepot writes"),
        (foreign_record, "not in the form cudepot writes"), (zchunk, "not in the form cudepot writes"),
    ],
)  # fmt: skip
def test_a_yum_index_is_followed_by_its_types(
    harm: Callable[[bytes, bytes], tuple[bytes, bytes, str]], told: str, rhel: Rhel, site_key: SiteKey, tmp_path: Path
) -> None:
    near = Project(tmp_path / "near", key=site_key.fingerprint, gnupg=site_key.home).init()
    add_yum(near, rhel, DEVEL)
    near.publish()
    bundle = tmp_path / "yum.tar"
    near.run("bundle", "export", str(bundle), "--since", "0")

    def change(site: dict[str, bytes]) -> dict[str, bytes]:
        (primary,) = (data for path, data in site.items() if path.endswith("-primary.xml.gz"))
        text, data, path = harm(gzip.decompress(primary), site["yum/rhel8/repodata/repomd.xml"])
        return {"yum/rhel8/repodata/repomd.xml": text, f"yum/rhel8/{path}": data}

    replaced(bundle, site_key, change)
    far = Far(tmp_path / "far", site_key.key_file, rhel.key.fingerprint).init()
    assert told in far.refuse(5, bundle)


def test_a_whole_mirror_with_suites_and_two_forms_of_its_root_comes_in(
    far: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    """Beside InRelease lies Release, which has to say the same, and names what is no list of debs."""
    home, key = upstream_key
    repo = DistsRepo(tmp_path / "repo", home, key, suite="stable")
    repo.add(write_deb(deb_of("hello"), tmp_path))
    repo.publish()
    (tmp_path / "ring.gpg").write_bytes(key.binary)
    near = Project(tmp_path / "near", key=site_key.fingerprint, gnupg=site_key.home).init()
    where = {"url": f"{(tmp_path / 'repo').as_uri()}/", "keyrings": [str(tmp_path / "ring.gpg")]}
    parts = {"suites": ["stable"], "components": ["main"]}
    near.add("upstream", name="up", type="apt", keys=[key.fingerprint], whole=True, **where, **parts)
    near.publish()
    bundle = tmp_path / "whole.tar"
    near.run("bundle", "export", str(bundle), "--since", "0")
    changed = tmp_path / "changed.tar"
    changed.write_bytes(bundle.read_bytes())

    def later(site: dict[str, bytes]) -> dict[str, bytes]:
        return {"apt/up/dists/stable/Release": site["apt/up/dists/stable/Release"] + b"Valid-Until: never\n"}

    replaced(changed, site_key, later)
    assert "is not in the form cudepot writes" in far.refuse(5, changed)
    assert far.take(bundle)["imported"] == [1]
    far.run("publish")
    assert (far.site / "apt/up/dists/stable/Release").read_bytes() == (
        repo.folder / "dists/stable/Release"
    ).read_bytes()
    assert far.run("verify", "--json").json["faults"] == []
