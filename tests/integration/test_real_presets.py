"""The presets of Debian and Ubuntu against real archives: who signs them is who they say, and indexes are read."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from simulator.site_key import SiteKey
from tests.clients.apt import host_debian_suites

from cudepot.cli.main import main

UBUNTU = os.environ.get("CUDEPOT_REAL_UBUNTU", "")


@pytest.mark.lengthy
def test_debians_archive_is_signed_by_whom_its_presets_pin(tmp_path: Path, site_key: SiteKey) -> None:
    if not {"bookworm", "bookworm-security"} <= host_debian_suites().keys():
        pytest.skip("this machine's apt does not read Debian 12")
    assert main(["init", "-C", str(tmp_path), "--key", site_key.fingerprint, "--gnupg", str(site_key.home)]) == 0
    wanted = {"bookworm": "hello", "bookworm-security": "libssl3"}
    tables = [
        f'[[upstream]]\npreset = "debian/{suite}"\n[[pin]]\nupstream = "debian/{suite}"\npackages = ["{name}"]\n'
        for suite, name in wanted.items()
    ]
    toml = tmp_path / "cudepot.toml"
    toml.write_text(toml.read_text() + "\n".join(tables))
    assert main(["lock", "-C", str(tmp_path)]) == 0
    locked = tomllib.loads((tmp_path / "cudepot.lock").read_text())
    assert {one["name"] for one in locked["artifact"]} >= set(wanted.values())


@pytest.mark.lengthy
def test_a_driver_built_by_canonical_is_locked_with_its_kernel_out_of_ubuntus_archive(
    tmp_path: Path, site_key: SiteKey
) -> None:
    if not UBUNTU:
        pytest.skip("CUDEPOT_REAL_UBUNTU names no mirror of Ubuntu's archive")
    said = ("--stack", "kernel", "--stack", "container-toolkit", "--distribution", "ubuntu2204")
    key = ("--key", site_key.fingerprint, "--gnupg", str(site_key.home))
    assert main(["init", "-C", str(tmp_path), *key, *said]) == 0
    toml = tmp_path / "cudepot.toml"
    kept = toml.read_text().replace('  "nvidia-container-toolkit",\n', '  "nvidia-utils-570-server",\n')
    drop = ('preset = "nvidia/container-toolkit/deb/amd64"', '"container-toolkit/deb/amd64", ')
    kept = re.sub(r'(?m)^# url = ".*$', f'url = "{UBUNTU}"', kept)
    toml.write_text(kept.replace(f"[[upstream]]\n{drop[0]}\n", "").replace(drop[1], "").replace("priorities", "# "))
    assert main(["lock", "-C", str(tmp_path)]) == 0
    names = {one["name"] for one in tomllib.loads((tmp_path / "cudepot.lock").read_text())["artifact"]}
    assert {"linux-headers-generic", "linux-image-generic", "nvidia-utils-570-server", "libc6"} <= names
