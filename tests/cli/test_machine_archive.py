"""`preset = "debian/bookworm"`: the archive that this machine's apt reads, in both styles of its sources."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from simulator.site_key import SiteKey

from cudepot.cli.machine_archive import choose, read_sources
from cudepot.cli.main import main
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError

STANZAS = """\
# what the installer wrote
Types: deb deb-src
URIs: http://one.example/debian https://two.example/debian
Suites: bookworm bookworm-updates
# a comment inside
Components: main
Signed-By: /usr/share/keyrings/x.gpg

Types: deb
URIs: http://one.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main

types: deb-src
uris: http://source.example/debian
suites: trixie
components: main
"""


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def place(folder: Path, name: str, native: str = "amd64") -> str:
    presets = load_presets()
    preset = presets.get(name)
    kin = [one for one in presets.repositories.values() if one.vendor == preset.vendor]
    return choose(preset, kin, list(read_sources(folder)), native)


def test_stanzas_are_read_as_apt_reads_them(tmp_path: Path) -> None:
    write(tmp_path, "sources.list.d/debian.sources", STANZAS)
    assert place(tmp_path, "debian/bookworm-updates") == "http://one.example/debian"
    assert place(tmp_path, "debian/bookworm-security") == "http://one.example/debian-security"


def test_another_release_is_where_the_machines_own_is(tmp_path: Path) -> None:
    write(tmp_path, "sources.list.d/debian.sources", STANZAS)
    assert place(tmp_path, "debian/trixie", "arm64") == "http://one.example/debian", "neither off nor source"
    assert place(tmp_path, "debian/trixie-security") == "http://one.example/debian-security"
    with pytest.raises(ConfigError, match="'ubuntu/jammy' is read from where this machine's apt reads it") as caught:
        place(tmp_path, "ubuntu/jammy")
    assert "give `url` as well as `preset`" in caught.value.hint


def test_lines_are_read_with_their_options_and_ports_lie_elsewhere(tmp_path: Path) -> None:
    lines = [
        "# deb http://no.example/ubuntu noble main",
        "deb cdrom:[Ubuntu 24.04]/ noble main",
        "deb-src http://source.example/ubuntu noble main",
        "deb [signed-by=/k.gpg arch=amd64] http://one.example/ubuntu noble main universe",
        "deb [arch=arm64] http://ports.example/ubuntu-ports noble main",
        "deb http://one.example/ubuntu noble-security main",
    ]
    write(tmp_path, "sources.list", "\n".join(lines))
    write(tmp_path, "sources.list.d/x.list.save", "deb http://saved.example/ubuntu noble main\n")
    assert place(tmp_path, "ubuntu/noble") == "http://one.example/ubuntu"
    assert place(tmp_path, "ubuntu/noble-ports") == "http://ports.example/ubuntu-ports"
    assert place(tmp_path, "ubuntu/jammy-security") == "http://one.example/ubuntu"
    with pytest.raises(ConfigError, match="reads no such archive"):
        place(tmp_path, "ubuntu/noble-security-ports")
    assert place(tmp_path, "ubuntu/noble-security-ports", "arm64") == "http://one.example/ubuntu"


def test_a_login_does_not_get_into_the_lock(tmp_path: Path) -> None:
    write(tmp_path, "sources.list", "deb https://me:secret@one.example/debian bookworm main\n")
    with pytest.raises(ConfigError, match="contains a login") as caught:
        place(tmp_path, "debian/bookworm")
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_files_that_nobody_can_read_say_nothing(tmp_path: Path) -> None:
    write(tmp_path, "sources.list.d/a.sources", "Types: deb\nno field")
    (tmp_path / "sources.list.d/b.list").mkdir()
    assert not list(read_sources(tmp_path))


@pytest.mark.tools
@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is not installed")
def test_this_machines_sources_are_what_apt_says_they_are() -> None:
    form = "$(REPO_URI)|$(RELEASE)"
    said = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True, check=True)
    wanted = {tuple(line.split("|")) for line in said.stdout.splitlines() if line.startswith(("http://", "https://"))}
    found = {(one.url.rstrip("/") + "/", one.suite) for one in read_sources(Path("/etc/apt"))}
    assert found == wanted


def test_init_says_which_archives_this_machine_does_not_know(
    tmp_path: Path, site_key: SiteKey, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cudepot.cli.machine_archive.read_sources", lambda _: iter(()))
    key = ("--key", site_key.fingerprint, "--gnupg", str(site_key.home))
    argv = ["init", "-C", str(tmp_path), *key, "--stack", "kernel", "--distribution", "debian12"]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "does not read debian/bookworm, debian/bookworm-updates, debian/bookworm-security: give `url`" in said
    toml = tmp_path / "cudepot.toml"
    assert main(["lock", "-C", str(tmp_path)]) == 3
    assert "give `url` as well as `preset`" in capsys.readouterr().err
    toml.write_text(toml.read_text().replace('# url = "https://YOUR.MIRROR/..."', 'url = "http://127.0.0.1:9/"'))
    assert main(["status", "-C", str(tmp_path)]) == 0
