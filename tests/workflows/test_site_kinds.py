"""A site kind is a folder and a row: one that only tests know is published to, verified, mended and gone back on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from simulator.project import Project
from tests.shelf import ShelfSite

from cudepot.store.local import LocalStore

_WITH_THE_ROW = """
import sys
from cudepot.sites.registry import SITES
SITES["shelf"] = "tests.shelf"
from cudepot.cli.main import main
sys.exit(main(sys.argv[4:]))
"""
ROOT, PACKAGE = "apt/local/InRelease", "apt/local/hello_1.0_amd64.deb"


class Shelved:
    """A project whose site is a shelf."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.env["PYTHONPATH"] += f":{Path(__file__).parents[2]}"
        keys = '[site]\ntype = "shelf"\nboard = "top"\n'
        project.toml.write_text(project.toml.read_text().replace("[site]\n", keys))

    def run(self, *argv: str, code: int = 0) -> Any:
        """Run a verb with one more row in the registry and return its JSON."""
        done = self.project.run(*argv, "--json", check=False, prefix=(sys.executable, "-c", _WITH_THE_ROW))
        assert done.rc == code, done
        return done.json

    @property
    def site(self) -> ShelfSite:
        """The shelf, opened anew."""
        return ShelfSite(self.project.base / "top", LocalStore(self.project.store))


@pytest.fixture
def shelved(grown: Project) -> Shelved:
    """Return a project with two snapshots, the second of which is on the shelf."""
    made = Shelved(grown)
    made.run("publish")
    return made


def test_it_is_published_to_and_verified(shelved: Shelved) -> None:
    assert shelved.site.current() == 2
    assert PACKAGE in shelved.site.snapshot(2)
    assert shelved.run("verify")["faults"] == []
    again = shelved.run("publish")
    assert (again["fresh"], again["site"]) == (False, shelved.site.where)


def test_what_was_changed_there_is_found_and_mended(shelved: Shelved) -> None:
    site = shelved.site
    site.put(2, {**site.snapshot(2), PACKAGE: b"other", "stray": b""})
    faults = shelved.run("verify", code=5)["faults"]
    assert [one for one in faults if PACKAGE in one and "sha256" in one]
    assert [one for one in faults if "stray: not part of the snapshot" in one]
    shelved.run("verify", "--repair")
    assert shelved.run("verify")["faults"] == []


def test_going_back_is_a_new_snapshot_there(shelved: Shelved) -> None:
    assert shelved.run("rollback", "1")["number"] == 3
    assert (shelved.site.current(), shelved.site.newest()) == (3, 3)
    assert not [path for path in shelved.site.snapshot(3) if path.startswith("apt/more/")]
    assert shelved.run("verify")["faults"] == []


def test_a_run_opens_its_site_once(shelved: Shelved) -> None:
    opened = shelved.project.base / "opened"
    for verb in ("publish", "verify", "rollback 1", "publish"):
        opened.write_text("")
        shelved.run(*verb.split())
        assert opened.read_text() == "top\n", verb


def test_its_own_server_shows_it(shelved: Shelved) -> None:
    done = shelved.project.run("serve", check=False, prefix=(sys.executable, "-c", _WITH_THE_ROW))
    assert (done.rc, "its own server serves it" in done.error) == (3, True)


def test_without_the_row_nobody_knows_it(shelved: Shelved) -> None:
    assert "expected one of folder, s3, store in 'site.type', found 'shelf'" in shelved.project.fail(3, "status").error
