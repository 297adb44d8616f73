"""Pins on a folder: one that matches no file is named, and keeps nothing else from being locked and published."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.project import Project


@pytest.fixture
def folder(project: Project, tmp_path: Path) -> Path:
    """A folder of two debs, which two pins name, and a third pin that matches nothing."""
    made = tmp_path / "folder"
    made.mkdir()
    for name in ("one", "two"):
        write_deb(simple_deb(name, "1.0"), made)
    project.add("upstream", name="local", type="folder", path=str(made))
    project.add("pin", upstream="local", packages=["one_*", "gone_*"])
    project.add("pin", upstream="local", packages=["two_*"])
    return made


def names(project: Project) -> list[str]:
    return [one["name"] for one in tomllib.loads(project.lock.read_text())["artifact"]]


def test_a_glob_that_matches_nothing_fails_alone(project: Project, folder: Path) -> None:
    done = project.fail(6, "lock")
    assert "pin 'gone_*' matches no file in" in done.error
    assert done.error.endswith("; the other pins of local are locked")
    assert done.hint.endswith("download it there first")
    assert names(project) == ["one", "two"]
    project.run("sync")
    project.run("publish")
    assert sorted(one.name for one in project.site.rglob("*.deb")) == ["one_1.0_amd64.deb", "two_1.0_amd64.deb"]
    write_deb(simple_deb("gone", "1.0"), folder)  # as the hint says
    project.run("lock")
    assert names(project) == ["one", "gone", "two"]


def test_what_was_locked_for_a_glob_stays_when_its_file_goes(project: Project, folder: Path) -> None:
    write_deb(simple_deb("gone", "1.0"), folder)
    project.publish()
    (folder / "gone_1.0_amd64.deb").unlink()
    write_deb(simple_deb("two", "2.0"), folder)
    project.fail(6, "lock")
    assert sorted(names(project)) == ["gone", "one", "two", "two"]
    project.run("sync")
    project.run("publish")
    assert (project.site / "apt/local/gone_1.0_amd64.deb").is_file()


def test_where_no_pin_matches_the_folder_fails(project: Project, folder: Path) -> None:
    for one in folder.glob("*.deb"):
        one.unlink()
    assert "3 pins cannot be locked" in project.fail(6, "lock").error
