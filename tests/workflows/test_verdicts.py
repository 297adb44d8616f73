"""What `publish` proved of a repository is remembered until something changes that the verdict depends on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.project import Project
from tests.clients.http import Site
from tests.kinds.apt.world import deb, want


@pytest.fixture
def proved(project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path) -> Project:
    """A project that has published a pinned package with a dependency, and needs one from the distribution."""
    flat.add(deb(tmp_path, "app", Depends="libx, outside"), deb(tmp_path, "libx"), deb(tmp_path, "libx", "2.0"))
    flat.publish()
    want(project, upstream, flat, "app")
    project.publish()
    return project


def verdicts(project: Project) -> tuple[int, dict[str, list[object]]]:
    """Return when verdicts were written last, and them."""
    path = project.store / "proofs.json"
    return path.stat().st_mtime_ns, json.loads(path.read_bytes())["repositories"]


def test_what_is_unchanged_is_not_proved_again(proved: Project) -> None:
    before = verdicts(proved)
    assert list(before[1]) == ["apt/u"]
    assert proved.run("publish", "--json").json["fresh"] is False
    proved.run("publish", "--dry-run")
    assert verdicts(proved) == before


@pytest.mark.parametrize("change", ["pins", "Packages"])
def test_whatever_the_verdict_depends_on_has_it_found_again(
    proved: Project, flat: FlatRepo, tmp_path: Path, change: str
) -> None:
    before = verdicts(proved)
    if change == "pins":  # the same package, of the same version
        proved.sections[-1] = proved.sections[-1].replace('"app"', '"app=1.0"')
        proved.write()
    else:
        flat.add(deb(tmp_path, "libx", "3.0"))
        flat.publish()
    proved.publish()
    assert verdicts(proved)[1]["apt/u"][0] != before[1]["apt/u"][0]


def test_a_lock_that_tells_other_things_of_the_distribution_is_judged_by_them(proved: Project) -> None:
    proved.lock.write_text(proved.lock.read_text().replace('"outside"', '"elsewhere"'))
    assert "app 1.0 (Depends: outside)" in proved.fail(6, "publish").error


def test_what_cannot_be_installed_is_remembered_as_that(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "app", Depends="libx"), deb(tmp_path, "libx", Breaks="app"))
    flat.publish()
    want(project, upstream, flat, "app")
    project.run("lock", "--allow-unsolvable", "u", "--reason", "for a test")
    project.run("sync")
    told = project.run("publish").out
    assert "app 1.0 (Depends: libx)" in told
    before = verdicts(project)
    assert "app 1.0 (Depends: libx)" in project.run("publish").out
    assert verdicts(project) == before


def test_verdicts_with_a_flipped_bit_are_none(proved: Project) -> None:
    path = proved.store / "proofs.json"
    path.write_bytes(path.read_bytes().replace(b"apt/u", b"apt/v"))
    assert f"{path}: was changed since it was written" in proved.run("verify", check=False).out
    proved.run("verify", "--repair")
    assert not path.exists()
    proved.run("publish")
    assert list(verdicts(proved)[1]) == ["apt/u"]
