"""``cudepot update``: what newer releases fit the pins, and the change that takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import SiteKey
from tests.project import APT, WHEELS, Project
from tests.upstream.debs import simple_deb, write_deb
from tests.upstream.nvidia import Nvidia

from cudepot.catalog.config import Pin
from cudepot.catalog.newer import bound, freed

OLD, NEW, OTHER = "8.0.5.39-1+cuda11.1", "8.2.4.15-1+cuda11.4", "8.9.7.29-1+cuda12.2"


@pytest.fixture
def project(site_key: SiteKey, nvidia: Nvidia, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    made.add_apt(nvidia, f"libcudnn8={OLD}", f"libcudnn8-dev={OLD}  ".strip())
    made.add_wheels(nvidia, "nvidia-cudnn-cu11==8.0.5.39")
    made.run("lock")
    return made


def release(nvidia: Nvidia, *versions: str) -> None:
    folder = nvidia.folder / "newer"
    folder.mkdir()
    for version in versions:
        runtime = write_deb(simple_deb("libcudnn8", version), folder)
        develop = write_deb(simple_deb("libcudnn8-dev", version, Depends=f"libcudnn8 (= {version})"), folder)
        nvidia.repo.add(runtime, develop)
    nvidia.repo.publish()


def test_nothing_newer_is_said(project: Project) -> None:
    assert "nothing newer" in project.run("update").out


def test_what_is_newer_for_the_same_cuda_is_shown_as_a_diff_and_changes_nothing(
    project: Project, nvidia: Nvidia
) -> None:
    release(nvidia, NEW, OTHER)
    before = {path: path.read_bytes() for path in (project.toml, project.lock)}
    shown = project.run("update").out
    assert f"{APT}: libcudnn8 {OLD} -> {NEW}" in shown
    assert OTHER not in shown  # CUDA 12 is another major version
    assert f'"libcudnn8={NEW}"' in shown
    assert {path: path.read_bytes() for path in before} == before
    assert f"published {nvidia.repo.clock.date().isoformat()}" in shown
    assert "works with CUDA" in shown
    assert "Linux driver from 450" in shown
    told = project.run("update", "--json").json
    assert [(one["name"], one["newest"]) for one in told["updates"]] == [("libcudnn8", NEW), ("libcudnn8-dev", NEW)]


def test_apply_pins_and_locks(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    project.run("update", "--apply")
    assert f"libcudnn8={NEW}" in project.toml.read_text()
    assert OLD not in project.toml.read_text()
    assert f'version = "{NEW}"' in project.lock.read_text()
    assert "nvidia-cudnn-cu11==8.0.5.39" in project.toml.read_text()
    project.run("sync")
    assert "nothing newer" in project.run("update").out


def test_pins_that_cannot_be_locked_leave_all_as_it_was(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    before = {path: path.read_bytes() for path in (project.toml, project.lock)}
    failed = project.fail(6, "update", "--apply", "libcudnn8-dev")
    assert NEW in failed.error
    assert {path: path.read_bytes() for path in before} == before


def test_one_package_alone_and_a_name_that_is_not_pinned(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    assert [one["name"] for one in project.run("update", "libcudnn8", "--json").json["updates"]] == ["libcudnn8"]
    assert "is not pinned" in project.fail(3, "update", "libnothing").error


def test_an_upstream_that_is_down_does_not_hide_the_others(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    text = project.toml.read_text()
    project.toml.write_text(text.replace(nvidia.simple_url, "http://127.0.0.1:9/simple/"))
    done = project.run("update", "--json", check=False)
    assert done.rc == 4
    assert [one["name"] for one in done.json["updates"]] == ["libcudnn8", "libcudnn8-dev"]
    assert [one["upstream"] for one in done.json["failed"]] == [WHEELS]


@pytest.mark.parametrize(
    ("spec", "kind", "name", "version"),
    [
        ("libcudnn8=8.0.5.39-1+cuda11.1", "apt", "libcudnn8", "8.0.5.39-1+cuda11.1"),
        ("libcudnn8-8.0.5.39-1.cuda11.1", "yum", "libcudnn8", "8.0.5.39-1.cuda11.1"),
        ("libcudnn8-devel-8.0.5.39-1.cuda11.1", "yum", "libcudnn8-devel", "8.0.5.39-1.cuda11.1"),
        ("nvidia-cudnn-cu11==8.0.5.39", "simple", "nvidia-cudnn-cu11", "8.0.5.39"),
    ],
)
def test_entries_are_bound_and_bound_again(spec: str, kind: str, name: str, version: str) -> None:
    found = bound(spec, kind)
    assert found is not None
    assert (found.name, found.version) == (name, version)
    assert found.to(version) == spec


@pytest.mark.parametrize(
    ("spec", "kind"),
    [("libcudnn8", "apt"), ("libcudnn8*=8.0.*", "apt"), ("nvidia-cudnn-cu11", "simple"), ("x>=1,<2", "simple"),
     ("libcudnn8=8.0.*", "apt"),
     ("libcudnn8", "yum"), ("x.tgz", "folder")],
)  # fmt: skip
def test_what_names_no_version_is_left_alone(spec: str, kind: str) -> None:
    assert bound(spec, kind) is None


def test_the_major_version_of_cuda_is_kept() -> None:
    assert freed(Pin("u", (f"libcudnn8={OLD}",)), "apt").cuda == "11"
    assert freed(Pin("u", (f"libcudnn8={OLD}",), cuda="11.1"), "apt").cuda == "11.1"
    assert freed(Pin("u", (f"libcudnn8={OLD}", f"libcudnn8={OTHER}")), "apt").cuda == ""
