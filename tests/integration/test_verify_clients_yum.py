"""``verify --clients`` for yum repositories: keys, metadata and packages made with real gpg and rpmsign."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from simulator.keys import Key
from simulator.project import Project
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients.sqv import find_sqv
from tests.integration.test_verify_clients import by_kind, weak_key
from tests.kinds.yum.world import NAME, add_yum

from cudepot.formats.rpm_header import read_head


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    """A project that wants nothing yet."""
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()


@pytest.fixture
def weak(rhel: Rhel) -> Key:
    """Metadata and two packages by a key that is self-signed with SHA-1; another package over SHA-1."""
    key = weak_key(rhel.keys, "cudatools <weak@example.com>")
    rhel.key_file.write_bytes(rhel.key.armored + key.armored)
    for name in ("one", "two", "sha1"):
        path = write_rpm(simple_rpm(name, "1.0"), rhel.folder)
        if name == "sha1":
            sign_rpms([path], rhel.keys, rhel.key, digest="sha1")
        else:
            sign_rpms([path], rhel.keys, key)
        rhel.repo.add(path)
    rhel.repo.key = key
    rhel.repo.publish()
    return key


def test_who_refuses_what_is_told_and_the_sites_own_signature_helps(
    project: Project, rhel: Rhel, weak: Key
) -> None:  # fmt: skip
    rpm_keys = [weak.fingerprint, rhel.key.fingerprint]
    add_yum(project, rhel, "one", "two", keys=[weak.fingerprint], **{"rpm-keys": rpm_keys})
    project.publish()
    found = project.run("verify", "--clients", "--json").json
    assert [(one["kind"], one["what"].split(",")[0]) for one in found if one["kind"] == "packages"] == [
        ("packages", "2 packages")
    ]
    refused = by_kind([one for one in found if rhel.key.fingerprint not in one["signers"]])
    assert list(refused["root"]) == ["dnf with rpm-sequoia"], "what checks metadata on RHEL 9 is not rpm"
    for kind in ("key", "packages"):
        assert list(refused[kind]) == ["dnf of RHEL 9", "dnf with rpm-sequoia"], kind
        assert "is self-signed with SHA1" in refused[kind]["dnf of RHEL 9"][0]
    assert refused["site"] == {}
    said = project.run("verify", "--clients").out
    assert f"upstream {rhel.url}repodata/repomd.xml ({NAME})" in said
    assert "all of these clients accept what the site shows" in said
    assert "rpms keep their upstream's signature" in said
    by_sequoia(rhel, weak)


def test_a_key_file_that_comes_with_cudepot_is_found(project: Project, rhel: Rhel) -> None:
    shipped = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
    path = write_rpm(simple_rpm("one", "1.0"), rhel.folder)
    sign_rpms([path], rhel.keys, rhel.key)
    rhel.repo.add(path)
    rhel.repo.publish()
    files = [str(rhel.key_file), "keys/f796ecb0.pub"]
    add_yum(project, rhel, "one", keyrings=files, **{"rpm-keys": [rhel.key.fingerprint, shipped]})
    project.publish()
    assert not (project.toml.parent / files[1]).exists()
    found = project.run("verify", "--clients", "--json").json
    assert shipped in [one["what"] for one in found if one["kind"] == "key"]


def by_sequoia(rhel: Rhel, weak: Key) -> None:
    """Sequoia's own sqv, where it can be had, refuses header and metadata likewise."""
    sqv = find_sqv()
    if sqv is None:
        return
    with rhel.rpm("one-1.0-1.x86_64").open("rb") as handle:
        head = read_head(handle, what="one")
    ring, header, signature = (rhel.folder / name for name in ("weak.gpg", "header", "header.sig"))
    ring.write_bytes(weak.binary)
    header.write_bytes(head.header.raw)
    signature.write_bytes(head.signatures()[0])
    for one, signed in ((signature, header), (Path(f"{rhel.repo.repomd}.asc"), rhel.repo.repomd)):
        argv = [str(sqv), "--keyring", str(ring), str(one), str(signed)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "SHA1" in done.stderr


def test_a_whole_mirror_is_judged_as_its_upstream_signed_it(project: Project, rhel: Rhel, weak: Key) -> None:
    add_yum(project, rhel, whole=True, keys=[weak.fingerprint], **{"rpm-keys": []})
    project.publish()
    found = project.run("verify", "--clients", "--json").json
    assert list(by_kind(found)["site"]) == ["dnf with rpm-sequoia"]
    assert "pin packages instead of mirroring it whole" in project.run("verify", "--clients").out
