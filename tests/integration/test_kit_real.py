"""The install kit with the real wheels of all that cudepot needs, installed where there is no network.

The index is the one that this machine's uv takes from; its host is asked for at run time and written nowhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.sides import Near, deb_of
from simulator.site_key import SiteKey
from tests.clients.chroot import Chroot, NoBaseError, make_base, why_not
from tests.environments.test_real_index import CERTIFICATES, by_uv, targets

from cudepot import __version__

pytestmark = [pytest.mark.slow, pytest.mark.lengthy]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
ALONE = ("unshare", "--net")


@pytest.fixture(scope="module")
def kit(site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit for each Python that cudepot runs on, on linux-64; linux-aarch64 is resolved, and not written."""
    folder = tmp_path_factory.mktemp("kit")
    url = by_uv(folder / "uv", ["six"], targets(("linux-64",), ["3.12"]))[0].rstrip("/") + "/"
    home, key = site_key_master
    project = Project(folder / "near", key=key.fingerprint, gnupg=home.path).init()
    project.env |= CERTIFICATES
    (project.base / "cudepot.in").write_text(project.run("kit", "requirements").out)
    project.add("upstream", name="pypi", type="simple", url=url)
    for name, platform in (("cudepot", "linux-64"), ("arm", "linux-aarch64")):
        project.add("environment", name=name, platforms=[platform], python=PYTHONS, requirements="cudepot.in")
    project.run("lock")
    assert [one for one in PYTHONS if f'name = "linux-aarch64-py{one}"' not in project.lock.read_text()] == []
    project.sections.pop()
    project.write()
    for verb in ("lock", "sync"):
        project.run(verb)
    project.run("kit", "write", str(folder / "out"), timeout=900)
    return folder / "out"


def test_pip_makes_a_cudepot_that_takes_bundles_in(
    kit: Path, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    programs = tmp_path / "venv/bin"
    env = clean_env(PIP_CONFIG_FILE="/dev/null")
    install = (programs / "pip", "install", "-q", "-r", f"requirements-linux-64-py{PYTHON}.txt")
    run(*ALONE, *install, cwd=kit, env=env, timeout=900)
    run(*ALONE, programs / "pip", "check", env=env)
    near = Near(tmp_path / "near", site_key, upstream_key)
    near.publish(deb_of("first"))
    (bundle,) = near.export("full.tar", 0)
    cudepot, keys = (*ALONE, programs / "cudepot"), ("--upstream-key", upstream_key[1].fingerprint)
    assert run(*cudepot, "--version").stdout.strip() == f"cudepot {__version__}"
    run(*cudepot, "init", "-C", tmp_path / "far", "--from-site", site_key.key_file, "--label", "x", *keys)
    assert "imported snapshot 1" in run(*cudepot, "bundle", "import", "-C", tmp_path / "far", bundle).stdout
    run(*cudepot, "publish", "-C", tmp_path / "far")
    assert run(*cudepot, "verify", "-C", tmp_path / "far").returncode == 0


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_dpkg_installs_a_cudepot_that_works(kit: Path, tmp_path: Path) -> None:
    """In a minimal Debian that has what the deb depends on and nothing else: uv and gpg are found, nothing leaks."""
    try:
        base = make_base(tmp_path, "python3", "gpg", "gpg-agent", "gpgv", "ca-certificates", "libglib2.0-0")
    except NoBaseError as error:
        pytest.skip(str(error))
    root = Chroot(base, tmp_path / "root")
    python = root.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    architecture = root.run("dpkg", "--print-architecture").stdout.strip()
    deb = kit / f"cudepot_{__version__}+py{python}_{architecture}.deb"
    (root.path / "tmp/cudepot.deb").write_bytes(deb.read_bytes())
    root.run("dpkg", "-i", "/tmp/cudepot.deb")
    assert root.run("cudepot", "--version").stdout.strip() == f"cudepot {__version__}"
    assert "usage: cudepot" in root.run("cudepot", "--help").stdout
    assert (
        "made /tmp/p/cudepot.toml" in root.run("cudepot", "init", "-C", "/tmp/p", "--label", "x", "--no-input").stdout
    )
    asked = "import uv, subprocess; subprocess.run([uv.find_uv_bin(), '--version'], check=True)"
    assert root.run("/usr/lib/cudepot/bin/python3", "-I", "-c", asked).stdout.startswith("uv ")
    assert root.run("python3", "-c", "import cudepot", check=False).returncode != 0
    assert root.run("ls", "/usr/share/man/man1/cudepot-lock.1.gz", "/usr/share/bash-completion/completions/cudepot")
    assert root.run("dpkg", "--verify", "cudepot").stdout == ""
    root.run("dpkg", "-r", "cudepot")
    assert not (root.path / "usr/lib/cudepot").exists()
