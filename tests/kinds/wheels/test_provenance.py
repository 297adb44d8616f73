"""Provenance of wheels (PEP 740): locked by hash, fetched with them, published beside them, carried in bundles."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.attestations import provenance
from simulator.faults import Status
from simulator.project import Project
from simulator.python_files import Dist, wheel
from simulator.python_index import PythonIndex
from simulator.sides import Far
from simulator.site_key import SiteKey

from cudepot.formats.simple import JSON_TYPE, parse_page

FILE = wheel(Dist("demo", "1.0"))
NAME = FILE[0]
GOOD = provenance(*FILE)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "index") as one:
        yield one


def want(project: Project, index: PythonIndex) -> None:
    project.add("upstream", name="wheels", type="simple", url=index.url)
    project.add("pin", upstream="wheels", packages=["demo"])


def locked(project: Project) -> dict[str, Any]:
    (one,) = tomllib.loads(project.lock.read_text())["artifact"]
    return dict(one)


def test_it_is_locked_fetched_and_published_beside_the_wheel(project: Project, index: PythonIndex) -> None:
    index.offer(FILE, provenance=GOOD)
    project.sections.append('url = "https://site.invalid/m"\n')
    want(project, index)
    project.publish()
    assert locked(project)["provenance"]["size"] == len(GOOD)
    assert (project.site / f"wheels/{NAME}.provenance").read_bytes() == GOOD
    for form, kind in (("json", JSON_TYPE), ("html", "text/html")):
        page = (project.site / f"simple/demo/index.{form}").read_bytes()
        (file,) = parse_page(page, kind, "https://site.invalid/simple/demo/")
        assert file.provenance == f"https://site.invalid/m/wheels/{NAME}.provenance"
    project.run("verify")


def test_pages_of_a_site_without_an_address_name_none(project: Project, index: PythonIndex) -> None:
    """PEP 740 wants a whole URL, and some readers refuse a page over another one."""
    index.offer(FILE, provenance=GOOD)
    want(project, index)
    project.publish()
    assert (project.site / f"wheels/{NAME}.provenance").read_bytes() == GOOD
    assert "provenance" not in json.loads((project.site / "simple/demo/index.json").read_bytes())["files"][0]


def test_nothing_is_asked_for_again_while_nothing_changes(project: Project, index: PythonIndex) -> None:
    index.offer(FILE, provenance=GOOD)
    want(project, index)
    project.run("sync", "--lock")
    before = project.lock.read_bytes()
    index.forget()
    index.add(Dist("demo", "0.9"))  # changes the page
    project.run("sync", "--lock")
    assert [one for one in (*index.server.requests, *index.files.requests) if "provenance" in one.path] == []
    assert tomllib.loads(before.decode())["artifact"] == tomllib.loads(project.lock.read_text())["artifact"]


def test_an_index_that_gets_it_later_and_a_store_that_lost_it(project: Project, index: PythonIndex) -> None:
    index.offer(FILE)
    want(project, index)
    project.publish()
    assert "provenance" not in locked(project)
    index.offer(FILE, provenance=GOOD)
    project.run("lock")
    assert "provenance" in locked(project)
    project.object(GOOD).unlink()
    project.run("sync")
    project.run("publish")
    project.run("gc")
    assert project.object(GOOD).exists()


@pytest.mark.parametrize("served", [provenance(NAME, b"other bytes"), b"no JSON", b'{"version": 1}'])
def test_what_is_about_other_bytes_or_nothing_is_left_out(project: Project, index: PythonIndex, served: bytes) -> None:
    index.offer(FILE, provenance=served)
    want(project, index)
    assert "published without its provenance" in project.run("lock").err
    assert "provenance" not in locked(project)


def test_a_link_that_leads_nowhere_costs_the_wheel_nothing(project: Project, index: PythonIndex) -> None:
    index.offer(FILE, provenance=GOOD)
    for server in (index.server, index.files):
        server.fault("*provenance", Status(404))
    want(project, index)
    project.publish()
    assert "provenance" not in locked(project)
    assert (project.site / f"wheels/{NAME}").exists()


def test_a_bundle_brings_it_along(project: Project, site_key: SiteKey, index: PythonIndex, tmp_path: Path) -> None:
    index.offer(FILE, provenance=GOOD)
    want(project, index)
    project.publish()
    project.run("bundle", "export", str(tmp_path / "all.tar"), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file).init()
    assert far.take(tmp_path / "all.tar")["imported"] == [1]
    far.run("publish")
    assert (far.site / f"wheels/{NAME}.provenance").read_bytes() == GOOD
    far.run("verify")
