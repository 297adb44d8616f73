"""The isolated dnf is a real one: it installs, and refuses what it must refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.rpms import sign_rpms
from simulator.yum import Rhel
from tests.clients.dnf import DnfRoot

CUDNN = ("libcudnn8-8.0.5.39-1.cuda11.1", "libcudnn8-devel-8.0.5.39-1.cuda11.1")


@pytest.fixture
def root(rhel: Rhel, tmp_path: Path) -> DnfRoot:
    made = DnfRoot(tmp_path / "dnf")
    made.add_repo("cuda", rhel.url, rhel.key_file)
    made.provide("libc.so.6()(64bit)")
    return made


def test_it_installs_a_version_and_finds_its_files(root: DnfRoot) -> None:
    root.install(*CUDNN)
    found = root.installed()
    assert found["libcudnn8"] == found["libcudnn8-devel"] == "8.0.5.39-1.cuda11.1"
    assert root.file("/usr/lib64/libcudnn.so.8.0.5").is_file()
    assert "libcudnn8-0:8.2.4.15-1.cuda11.4.x86_64" in root.query("libcudnn8")


def test_it_refuses_a_package_by_an_unknown_key(root: DnfRoot) -> None:
    done = root.install("libcudnn7", check=False)
    assert done.returncode != 0
    assert "not signed with the" in done.stderr + done.stdout or "GPG check FAILED" in done.stderr + done.stdout


def test_it_refuses_metadata_newer_than_their_signature(root: DnfRoot, rhel: Rhel) -> None:
    rhel.rpm("cudnn-9.5.1-1.x86_64").unlink()
    rhel.repo.write_metadata()
    assert root.install(CUDNN[0], check=False).returncode != 0


def test_it_refuses_metadata_signed_by_a_stranger(root: DnfRoot, rhel: Rhel) -> None:
    rhel.repo.sign(rhel.other_key)
    assert root.install(CUDNN[0], check=False).returncode != 0


def test_it_refuses_a_package_signed_by_a_stranger(root: DnfRoot, rhel: Rhel) -> None:
    sign_rpms([rhel.rpm("cuda-toolkit-config-common-12.4.1-1.noarch")], rhel.keys, rhel.other_key)
    rhel.repo.publish()
    assert root.install("cuda-toolkit-config-common", check=False).returncode != 0


def test_locked_versions_are_held(root: DnfRoot) -> None:
    root.install(CUDNN[0])
    root.lock_versions().write_text("libcudnn8-0:8.0.5.39-1.cuda11.1.*\n")
    root.dnf("upgrade")
    assert root.installed()["libcudnn8"] == "8.0.5.39-1.cuda11.1"
    root.lock_versions(enabled=False)
    root.dnf("upgrade", "libcudnn8")
    assert root.installed()["libcudnn8"] == "8.2.4.15-1.cuda11.4"


def test_another_machine(rhel: Rhel, tmp_path: Path) -> None:
    root = DnfRoot(tmp_path / "dnf", arch="aarch64")
    root.add_repo("cuda", rhel.url, rhel.key_file)
    root.provide("libc.so.6()(64bit)")
    root.install(CUDNN[0])
    assert root.query("--installed", "libcudnn8") == ["libcudnn8-0:8.0.5.39-1.cuda11.1.aarch64"]


@pytest.mark.parametrize(("stream", "version"), [("", "455.45.01-1.el8"), ("460", "460.32.03-1.el8")])
def test_module_streams(root: DnfRoot, stream: str, version: str) -> None:
    if stream:
        root.dnf("module", "enable", f"nvidia-driver:{stream}")
    root.install("nvidia-driver")
    assert root.installed()["nvidia-driver"] == version
