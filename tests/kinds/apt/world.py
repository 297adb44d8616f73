"""Repositories of debs made on the spot, pinned by a project, published, and installed from by the real apt-get."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from simulator.apt import DistsRepo, FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve

DISTS = {"suites": ["stable"], "components": ["main"]}


def deb(tmp_path: Path, name: str, version: str = "1.0", arch: str = "amd64", **fields: str) -> Path:
    return write_deb(simple_deb(name, version, arch, **fields), tmp_path)


def want(project: Project, site: Site, repo: FlatRepo | DistsRepo, *packages: str, **upstream: object) -> None:
    """Add a repository and pins on it."""
    pin = {"architectures": upstream.pop("only")} if "only" in upstream else {}
    _add(project, site, repo, **upstream)
    project.add("pin", upstream="u", packages=list(packages), **pin)


def want_whole(project: Project, site: Site | Server, repo: FlatRepo | DistsRepo, **upstream: object) -> Path:
    """Mirror a repository whole; return where its site part will be."""
    _add(project, site, repo, whole=True, **upstream)
    return project.site / "apt/u"


def _add(project: Project, site: Site | Server, repo: FlatRepo | DistsRepo, **upstream: object) -> None:
    ring = project.base / "upstream.asc"
    ring.write_bytes(repo.key.armored)
    url, keys = f"{site.url}/repo/", [repo.key.fingerprint]
    project.add("upstream", name="u", type="apt", url=url, keys=keys, keyrings=[str(ring)], **upstream)


def locked(project: Project) -> dict[str, Any]:
    """Lock, and return the document."""
    project.run("lock")
    return tomllib.loads(project.lock.read_text())


def names(document: dict[str, Any]) -> list[str]:
    return [f"{one['name']} {one['version']} {one['architecture']}" for one in document["artifact"]]


def installs(project: Project, key: SiteKey, folder: Path, *packages: str, foreign: tuple[str, ...] = ()) -> AptRoot:
    """Publish, and let the real apt-get install from the site."""
    for verb in ("sync", "publish", "verify"):
        project.run(verb)
    root = AptRoot(folder, foreign=foreign)
    with serve(project.site) as site:
        root.add_source(f"{site.url}/apt/u/", key.keyring)
        root.update()
        root.install(*packages)
    return root
