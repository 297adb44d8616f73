"""The presets of Debian and Ubuntu against real archives: who signs them is who they say, and indexes are read."""

from __future__ import annotations

import tomllib
import urllib.request
from pathlib import Path

import pytest
from simulator.site_key import SiteKey

from cudepot.cli.main import main
from cudepot.depot.shipped import load_presets

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


def places() -> dict[str, str]:
    """Return suite → URL of the machine's own sources of Debian; none where it has no deb822 file of them."""
    found: dict[str, str] = {}
    for block in SOURCES.read_text().split("\n\n") if SOURCES.is_file() else ():
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != "#")
        found |= dict.fromkeys(fields.get("Suites", "").split(), fields.get("URIs", "").split(" ")[0])
    return found


@pytest.mark.lengthy
def test_debians_archive_is_signed_by_whom_its_presets_pin(tmp_path: Path, site_key: SiteKey) -> None:
    if "bookworm" not in (urls := places()):
        pytest.skip("this machine is no Debian 12, or its sources are written in another way")
    assert main(["init", "-C", str(tmp_path), "--key", site_key.fingerprint, "--gnupg", str(site_key.home)]) == 0
    wanted = {"bookworm": "hello", "bookworm-security": "libssl3"}
    tables = [
        f'[[upstream]]\npreset = "debian/{suite}"\nurl = "{urls[suite]}"\n'
        f'[[pin]]\nupstream = "debian/{suite}"\npackages = ["{name}"]\n'
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
    url = load_presets().get("ubuntu/jammy").url
    try:
        urllib.request.urlopen(f"{url}dists/jammy/InRelease", timeout=30).close()
    except OSError as error:
        pytest.skip(f"Ubuntu's archive cannot be reached: {error}")
    said = ("--stack", "kernel", "--stack", "container-toolkit", "--distribution", "ubuntu2204")
    key = ("--key", site_key.fingerprint, "--gnupg", str(site_key.home))
    assert main(["init", "-C", str(tmp_path), *key, *said]) == 0
    toml = tmp_path / "cudepot.toml"
    kept = toml.read_text().replace('  "nvidia-container-toolkit",\n', '  "nvidia-utils-570-server",\n')
    drop = ('preset = "nvidia/container-toolkit/deb/amd64"', '"container-toolkit/deb/amd64", ')
    toml.write_text(kept.replace(f"[[upstream]]\n{drop[0]}\n", "").replace(drop[1], "").replace("priorities", "# "))
    assert main(["lock", "-C", str(tmp_path)]) == 0
    names = {one["name"] for one in tomllib.loads((tmp_path / "cudepot.lock").read_text())["artifact"]}
    assert {"linux-headers-generic", "linux-image-generic", "nvidia-utils-570-server", "libc6"} <= names
