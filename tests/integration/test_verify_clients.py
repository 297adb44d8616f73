"""``verify --clients`` against keys made with real gpg, and against the real sqv where this machine can have it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.nvidia import Nvidia
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients.sqv import find_sqv


@pytest.fixture
def home(nvidia: Nvidia) -> KeyHome:
    return nvidia.keys


def weak_key(home: KeyHome, uid: str) -> Key:
    """A key as NVIDIA's 3bf863cc: RSA 4096, vouching for itself over SHA-1."""
    old = "20220414T000000!"
    home.gpg("--cert-digest-algo", "SHA1", "--quick-generate-key", uid, "rsa4096", "sign", "never", when=old)
    listing = home.gpg("--with-colons", "--list-keys", f"={uid}").decode()
    return home.export(next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")))


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path, nvidia: Nvidia, home: KeyHome) -> Project:
    """A project whose upstream signs with such a key, published as a pinned subset."""
    key = weak_key(home, "cudatools <weak@example.com>")
    nvidia.key_file.write_bytes(key.armored)
    nvidia.repo.key = key
    nvidia.repo.publish()
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.add_apt(nvidia, keys=(key.fingerprint,))
    project.publish()
    return project


def by_kind(found: list[dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """kind → client → reasons of those that refuse."""
    return {
        one["kind"]: {
            verdict["client"].split(" (")[0]: verdict["reasons"]
            for verdict in one["verdicts"]
            if not verdict["accepted"]
        }
        for one in found
    }


def test_a_key_like_nvidias_is_refused_by_sqv_and_the_site_is_not(project: Project, nvidia: Nvidia) -> None:
    found = project.run("verify", "--clients", "--json").json
    refused = by_kind(found)
    assert set(refused) == {"key", "root", "site"}
    assert list(refused["key"]) == list(refused["root"]) == ["apt with sqv"]
    assert "is self-signed with SHA1 (since 2026-02-01)" in refused["root"]["apt with sqv"][0]
    assert refused["site"] == {}
    text = project.run("verify", "--clients").out
    assert f"upstream {nvidia.apt_url}InRelease" in text
    assert "REFUSED by apt with sqv" in text
    assert "all of these clients accept what the site shows" in text


def test_the_real_sqv_says_the_same(project: Project, nvidia: Nvidia, site_key: SiteKey, tmp_path: Path) -> None:
    sqv = find_sqv()
    if sqv is None:
        pytest.skip("no sqv here, and none in this machine's archive")
    roots = {
        "root": (nvidia.repo.folder, nvidia.key_file, 1),
        "site": (project.site / "apt/ubuntu2004/x86_64", site_key.keyring, 0),
    }
    for folder, ring, code in roots.values():
        argv = [str(sqv), "--keyring", str(ring), str(folder / "Release.gpg"), str(folder / "Release")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert ("SHA1" in done.stderr) == bool(code)


def test_a_weak_digest_of_the_root_is_told(project: Project, nvidia: Nvidia, home: KeyHome) -> None:
    root = nvidia.repo.folder / "InRelease"
    text = (nvidia.repo.folder / "Release").read_bytes()
    weak = home.clearsign(text, nvidia.repo.key, digest="SHA1")
    assert "weak hash" in _lock_with(project, root, weak)
    assert by_kind(project.run("verify", "--clients", "--json").json)["root"].keys() == {"apt with sqv"}, "the old root"


def _lock_with(project: Project, root: Path, data: bytes) -> str:
    root.write_bytes(data)
    return project.fail(5, "lock").error


def test_a_repository_with_detached_signature_is_judged_too(
    site_key: SiteKey, tmp_path: Path, nvidia: Nvidia
) -> None:  # fmt: skip
    (nvidia.repo.folder / "InRelease").unlink()
    project = Project(tmp_path / "other", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.add_apt(nvidia)
    project.run("lock")
    kinds = {one["kind"]: one for one in project.run("verify", "--clients", "--json").json}
    assert kinds["root"]["what"].endswith("/Release")
    assert kinds["root"]["digests"] == ["SHA512"]
    assert kinds["root"]["signers"] == [nvidia.key.fingerprint]
    assert all(one["accepted"] for one in kinds["root"]["verdicts"])
    assert "site" not in kinds


def test_without_apt_there_is_nothing_to_check(site_key: SiteKey, tmp_path: Path) -> None:
    project = Project(tmp_path / "other", key=site_key.fingerprint, gnupg=site_key.home).init()
    assert "nothing to check" in project.run("verify", "--clients").out
