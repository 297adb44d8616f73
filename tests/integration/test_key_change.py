"""A site changes its key: earlier snapshots still verify, everything new is signed by the new key."""

from __future__ import annotations

import json
from pathlib import Path

from simulator.nvidia import Nvidia
from simulator.sections import apt_upstream
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.integration.world import Project

from cudepot.signing.gpg import make_key

DEB = "libcudnn8=8.0.5.39-1+cuda11.1"


def _published(nvidia: Nvidia, folder: Path) -> tuple[Project, str]:
    """Return a project that shows a site, and the fingerprint of the key that signed it."""
    project = Project(folder / "project")
    project.init()
    project.append(apt_upstream(nvidia, (DEB,)))
    for verb in ("lock", "sync", "publish"):
        project.cudepot(verb)
    old = json.loads((project.site / "snapshot.json").read_text())["signer"]
    return project, old


def test_a_new_key_signs_and_the_old_one_still_verifies(nvidia: Nvidia, tmp_path: Path) -> None:
    project, old = _published(nvidia, tmp_path)
    old_ring = tmp_path / "old.gpg"
    old_ring.write_bytes(project.key.read_bytes())

    new = make_key(project.folder / "gnupg", "the new key <new@example.invalid>")
    text = project.toml.read_text().replace(f'key = "{old}"', f'key = "{new}"\nformer-keys = ["{old}"]')
    project.toml.write_text(text)
    assert json.loads(project.cudepot("publish", "--json").stdout)["number"] == 2
    assert json.loads(project.cudepot("verify", "--json").stdout)["faults"] == []

    with http.serve(project.site) as site:
        for name, ring, code in (("new", project.key, 0), ("old", old_ring, 100)):
            root = AptRoot(tmp_path / name)
            root.add_source(f"{site.url}/apt/ubuntu2004/x86_64/", ring)
            assert root.update(check=False).returncode == code


def test_without_former_keys_the_refusal_says_what_to_do(nvidia: Nvidia, tmp_path: Path) -> None:
    project, old = _published(nvidia, tmp_path)
    new = make_key(project.folder / "gnupg", "the new key <new@example.invalid>")
    project.toml.write_text(project.toml.read_text().replace(f'key = "{old}"', f'key = "{new}"'))
    refused = project.cudepot("publish", check=False)
    assert refused.returncode == 5
    assert "former-keys" in refused.stderr
