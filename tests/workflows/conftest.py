"""Projects for the tests of verbs: an empty one, and one that shows a site already."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.conftest import SiteKey
from tests.project import Project
from tests.upstream.debs import simple_deb, write_deb
from tests.upstream.keys import Key, KeyHome


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    """A project that wants nothing yet."""
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()


@pytest.fixture(scope="session")
def shown_template(site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose site shows one small deb out of a folder; read only."""
    folder = tmp_path_factory.mktemp("shown")
    (folder / "local").mkdir()
    write_deb(simple_deb("hello", "1.0"), folder / "local")
    home, key = site_key_master
    project = Project(folder / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name="local", type="folder", path=str(folder / "local"))
    project.add("pin", upstream="local", packages=["*.deb"])
    project.publish()
    return project


@pytest.fixture
def shown(shown_template: Project, site_key: SiteKey, tmp_path: Path) -> Project:
    """A project whose site shows one small deb; what is added must not harm it when it fails."""
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    for name in ("store", "site"):
        shutil.copytree(shown_template.base / name, project.base / name, symlinks=True)
    shutil.copy2(shown_template.lock, project.lock)
    project.sections = list(shown_template.sections)
    project.write()
    return project
