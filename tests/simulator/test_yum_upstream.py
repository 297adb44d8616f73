"""The stand-in for NVIDIA's yum repository is what real tools take for one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from simulator.process import ToolError, clean_env, run
from simulator.rpms import rpm_says
from simulator.yum import ODD_NAME, Rhel

NVRA = "libcudnn8-8.0.5.39-1.cuda11.1.x86_64"


def test_rpms_are_signed_by_two_keys(rhel: Rhel, tmp_path: Path) -> None:
    assert "Header V4 RSA/SHA512 Signature" in rpm_says(rhel.rpm(NVRA), tmp_path, rhel.key)
    with pytest.raises(ToolError):
        rpm_says(rhel.rpm("libcudnn7-7.6.5.32-1.cuda10.2.x86_64"), tmp_path, rhel.key)
    rpm_says(rhel.rpm("libcudnn7-7.6.5.32-1.cuda10.2.x86_64"), tmp_path, rhel.old_key)


def test_the_layout_is_nvidias(rhel: Rhel) -> None:
    listed = run("rpm", "-qlp", "--nosignature", rhel.rpm(NVRA), env=clean_env(HOME="/nonexistent")).stdout.split()
    assert "/usr/lib64/libcudnn.so.8.0.5" in listed
    assert "/usr/lib64/libcudnn.so" not in listed
    names = {path.name for path in rhel.repo.folder.iterdir()}
    assert {ODD_NAME, "libstuff++-1.0+git1-1.x86_64.rpm", rhel.repo.pub_name} <= names
    kinds = [line.split('"')[1] for line in rhel.repo.repomd.read_text().splitlines() if "<data type=" in line]
    assert {"primary", "filelists", "other", "primary_db", "modules", "updateinfo", "group"} <= set(kinds)


def test_the_signature_follows_the_metadata(rhel: Rhel) -> None:
    before = rhel.repo.repomd.with_name("repomd.xml.asc").read_bytes()
    rhel.rpm("cudnn-9.5.1-1.x86_64").unlink()
    rhel.repo.write_metadata()
    assert rhel.repo.repomd.with_name("repomd.xml.asc").read_bytes() == before
    rhel.repo.sign()
    assert rhel.repo.repomd.with_name("repomd.xml.asc").read_bytes() != before
    assert len(list(rhel.repo.repomd.parent.glob("*-primary.xml.gz"))) == 2


@pytest.mark.parametrize("compression", ["gz", "xz", "bz2", "zst"])
def test_metadata_in_every_compression(rhel: Rhel, compression: str) -> None:
    rhel.repo.compression = compression
    rhel.repo.publish()
    primary = rhel.repo.metadata("primary")
    assert primary.name.startswith(hashlib.sha256(primary.read_bytes()).hexdigest())
    assert primary.suffix == f".{compression}"
