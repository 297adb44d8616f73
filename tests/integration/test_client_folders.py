"""Clients of several distributions: a folder for each, nothing overwritten in silence, and the files on the site."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.project import Project
from simulator.site_key import SiteKey
from simulator.yum import Rhel, YumRepo
from tests.clients import http
from tests.clients.dnf import DnfRoot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
]
NAMES = ("rhel8/x86_64", "rhel9/x86_64")
KEY = "etc/pki/rpm-gpg/RPM-GPG-KEY-acme"
PINNED = {NAMES[0]: "8.0.5.39-1.cuda11.1", NAMES[1]: "8.2.4.15-1.cuda11.4"}


@pytest.fixture
def project(site_key: SiteKey, rhel: Rhel, tmp_path: Path) -> Project:
    """A project that has published a part of two distributions, another version of each."""
    place = rhel.repo.folder.parents[1] / "rhel9" / "x86_64"
    shutil.copytree(rhel.repo.folder, place)
    YumRepo(place, rhel.keys, rhel.key).sign()
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    keys = [rhel.key.fingerprint]
    for name, version in PINNED.items():
        url = rhel.url.replace("rhel8/x86_64", name)
        made.add("upstream", name=name, type="yum", url=url, keys=keys, keyrings=[str(rhel.key_file)])
        made.add("pin", upstream=name, packages=[f"libcudnn8-{version}"])
    for verb in ("lock", "sync", "publish"):
        made.run(verb)
    return made


@pytest.fixture
def site(project: Project) -> Iterator[http.Site]:
    with http.serve(project.base / "site") as one:
        yield one


def configured(files: dict[str, bytes], path: Path) -> DnfRoot:
    """Return a client that has these files and no others."""
    root = DnfRoot(path)
    root.provide("libc.so.6()(64bit)")
    for name, data in files.items():
        into = root.path / name
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(data.replace(b"file:///etc/", f"file://{root.path}/etc/".encode()))
    return root


def in_folder(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("at_once", [True, False])
def test_each_distribution_has_a_folder(project: Project, site: http.Site, tmp_path: Path, *, at_once: bool) -> None:
    for names in [NAMES] if at_once else [(name,) for name in NAMES]:
        project.run("client", "dnf", *names, "--url", f"{site.url}/current")
    for name, version in PINNED.items():
        root = configured(in_folder(project.base / "clients" / name.replace("/", "-")), tmp_path / name)
        root.install("libcudnn8")
        assert root.installed()["libcudnn8"] == version
        assert root.query("libcudnn8") == [f"libcudnn8-0:{version}.x86_64"], "and nothing of the other one"


def test_what_is_replaced_is_said(project: Project) -> None:
    argv = ("client", "dnf", *NAMES, "--url", "https://packages.example/")
    assert "(replaced)" not in project.run(*argv).out
    assert "(replaced)" not in project.run(*argv).out, "the same again is no change"
    changed = project.run("client", "dnf", NAMES[0], "--url", "https://other.example/").out
    assert "clients/rhel8-x86_64/etc/yum.repos.d/acme.repo (replaced)" in changed
    assert changed.count("(replaced)") == 1


def test_the_files_are_on_the_site_and_linked_from_its_page(project: Project, site: http.Site, tmp_path: Path) -> None:
    there = [path for path in in_folder(project.site) if path.startswith("clients/")]
    assert not any(path.endswith(".repo") for path in there), "nothing says where the site is"
    assert "clients/index.json" in there
    assert f"clients/rhel8-x86_64/{KEY}" in there, "a key says nothing of it"
    refused = project.fail(3, "client", "dnf", NAMES[0])
    assert "--url is missing" in refused.error
    head = project.toml.read_text().replace('label = "acme"', f'label = "acme"\nurl = "{site.url}/current"')
    project.toml.write_text(head)
    project.run("publish")
    assert project.run("publish", "--json").json["fresh"] is False
    project.run("verify")
    page = (project.site / "index.html").read_text()
    linked = re.findall(r'href="(clients/[^"]*)"', page)
    assert sorted(linked) == sorted(path for path in in_folder(project.site) if path.startswith("clients/"))
    for name, version in PINNED.items():
        folder = f"clients/{name.replace('/', '-')}/"
        files = {path.removeprefix(folder): project.site / path for path in linked if path.startswith(folder)}
        root = configured({path: file.read_bytes() for path, file in files.items()}, tmp_path / name)
        root.install("libcudnn8")
        assert root.installed()["libcudnn8"] == version
    project.run("client", "dnf", NAMES[0])
    written = in_folder(project.base / "clients/rhel8-x86_64")
    assert written == in_folder(project.site / "clients/rhel8-x86_64"), "`client` writes the same, unasked for a URL"
