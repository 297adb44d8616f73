"""``scripts/release``: everything a release needs, by one command, with checksums and a signature that gpg takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from simulator.process import clean_env, run
from simulator.site_key import SiteKey
from tests.packaging.installed import ROOT

from cudepot import __version__

pytestmark = pytest.mark.slow
_GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@x.example")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """This repository as it is, committed as the commit of a release."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.split("\0")
    names = "\n".join(one for one in listed if (ROOT / one).is_file())
    subprocess.run(["cp", "--parents", "-t", folder, *names.splitlines()], cwd=ROOT, check=True)
    changes = folder / "CHANGELOG.md"
    changes.write_text(changes.read_text().replace("## [Unreleased]", f"## [{__version__}] - 2026-12-01"))
    formats = folder / "docs/formats.md"
    formats.write_text(formats.read_text().replace("| unreleased |", f"| {__version__} |"))
    run(*_GIT, "init", "-q", cwd=folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / ".git/info/exclude").write_text(".venv\n")
    run(*_GIT, "add", ".", cwd=folder)
    run(*_GIT, "commit", "-qm", "release", cwd=folder)
    return folder


def release(folder: Path, *argv: str, key: SiteKey, check: bool = True) -> subprocess.CompletedProcess[str]:
    env = clean_env(GNUPGHOME=str(key.home))
    return run(folder / "scripts/release", *argv, cwd=folder, env=env, check=check, timeout=600)


def test_one_command_makes_a_release_that_can_be_verified(checkout: Path, site_key: SiteKey) -> None:
    done = release(checkout, "--key", site_key.fingerprint, key=site_key)
    out = checkout / "build/release"
    wheel = f"cudepot-{__version__}-py3-none-any.whl"
    assert {one.name for one in out.iterdir() if one.name != ".gitignore"} == {
        wheel, f"cudepot-{__version__}.tar.gz",
        "Containerfile", "NOTES.md", "requirements.txt", "SHA256SUMS", "SHA256SUMS.asc",
    }  # fmt: skip
    run("gpgv", "--keyring", site_key.keyring, out / "SHA256SUMS.asc", out / "SHA256SUMS")
    assert wheel in run("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=out).stdout
    assert "#### Getting started" in (out / "NOTES.md").read_text()
    assert done.stdout.splitlines()[-1].startswith("git tag --sign ")
    assert run("git", "tag", cwd=checkout).stdout == "", "tagging is left to whoever releases"


def test_what_is_not_ready_is_refused(checkout: Path, site_key: SiteKey) -> None:
    key = ("--key", site_key.fingerprint)
    assert "--key names the key" in release(checkout, key=site_key, check=False).stderr
    (checkout / "left-over").write_text("x")
    assert "not committed" in release(checkout, *key, key=site_key, check=False).stderr
    (checkout / "left-over").unlink()
    formats = checkout / "docs/formats.md"
    formats.write_text(formats.read_text() + "| store | 1 | unreleased | new |\n")
    run(*_GIT, "commit", "-qam", "a format of no version", cwd=checkout)
    assert "docs/formats.md has changes" in release(checkout, *key, key=site_key, check=False).stderr
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- x\n")
    run(*_GIT, "commit", "-qam", "no section", cwd=checkout)
    assert "no section" in release(checkout, *key, key=site_key, check=False).stderr
    assert not (checkout / "build").exists()
