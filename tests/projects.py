"""Projects for the tests of verbs: an empty one, and one that shows a site already."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.clients.http import Site, serve
from tests.workflows.incident_world import World


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


@pytest.fixture(scope="session")
def grown_template(
    shown_template: Project, site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """The same with a second snapshot that shows another deb too; read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("grown")
    (folder / "more").mkdir()
    write_deb(simple_deb("more", "2.0"), folder / "more")
    project = clone(shown_template, folder / "project", key.fingerprint, home.path)
    project.add("upstream", name="more", type="folder", path=str(folder / "more"))
    project.add("pin", upstream="more", packages=["*.deb"])
    project.publish()
    return project


def clone(template: Project, base: Path, key: str, gnupg: Path) -> Project:
    """Return a copy of a project, files of the site still being links into the store."""
    subprocess.run(["cp", "-a", template.base, base], check=True)
    project = Project(base, key=key, gnupg=gnupg)
    project.sections = list(template.sections)
    project.write()
    return project


@pytest.fixture
def shown(shown_template: Project, site_key: SiteKey, tmp_path: Path) -> Project:
    """A project whose site shows one small deb; what is added must not harm it when it fails."""
    return clone(shown_template, tmp_path / "project", site_key.fingerprint, site_key.home)


@pytest.fixture
def grown(grown_template: Project, site_key: SiteKey, tmp_path: Path) -> Project:
    """A project with two snapshots."""
    return clone(grown_template, tmp_path / "project", site_key.fingerprint, site_key.home)


@pytest.fixture(scope="session")
def upstream_key() -> Iterator[tuple[KeyHome, Key]]:
    """A key that signs small upstreams, made once."""
    with KeyHome() as home:
        yield home, home.generate("cudatools <cudatools@example.com>")


@pytest.fixture
def world(project: Project, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Iterator[World]:
    """A project without upstreams yet, and a server to add some on."""
    (tmp_path / "upstream").mkdir()
    with Server(tmp_path / "upstream") as server:
        yield World(project, server, *upstream_key, tmp_path)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Site]:
    """A server over an empty folder."""
    (tmp_path / "upstream").mkdir()
    with serve(tmp_path / "upstream") as site:
        yield site


@pytest.fixture
def flat(upstream_key: tuple[KeyHome, Key], upstream: Site) -> FlatRepo:
    """A flat apt repository without packages, not yet published."""
    return FlatRepo(upstream.root / "repo", *upstream_key)


@pytest.fixture
def dists(upstream_key: tuple[KeyHome, Key], upstream: Site) -> DistsRepo:
    """A ``dists/`` repository without packages, not yet published."""
    return DistsRepo(upstream.root / "repo", *upstream_key)
