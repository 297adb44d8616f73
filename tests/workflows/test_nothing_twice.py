"""Work that is done is not done again: requests, snapshots and builds are counted. Dry runs change no file."""

from __future__ import annotations

import pytest
from simulator.nvidia import Nvidia
from simulator.project import DEB, WHEELS, Project


@pytest.fixture
def wanting(project: Project, nvidia: Nvidia) -> Project:
    """A project that wants debs, wheels and packages built of an archive."""
    project.add_apt(nvidia)
    project.add_wheels(nvidia)
    project.add_downloads(nvidia, outputs=["wheel"])
    project.accept_eula(nvidia.built().parts.licence)
    return project


@pytest.mark.parametrize("html", [False, True], ids=["json", "html"])
def test_locking_again_costs_one_request_per_upstream(project: Project, nvidia: Nvidia, html: bool) -> None:
    project.add_apt(nvidia)
    project.add_wheels(nvidia)
    if html:
        (nvidia.root / "simple/nvidia-cudnn-cu11/index.json").unlink()
    project.run("lock")
    project.run("sync")
    text = project.lock.read_bytes()
    nvidia.server.forget()
    assert project.run("lock", "--json").json["written"] is False
    assert project.run("sync", "--json").json["fetched_files"] == 0
    asked = [(one.method, one.path, one.status) for one in nvidia.server.requests]
    root, page = f"{nvidia.apt_path}/InRelease", "/simple/nvidia-cudnn-cu11/"
    assert asked == [("GET", root, 304), ("GET", page, 304)]
    assert project.lock.read_bytes() == text


def test_without_validators_the_roots_alone_are_read_again(project: Project, nvidia: Nvidia) -> None:
    nvidia.server.validators = False
    project.add_apt(nvidia)
    project.add_wheels(nvidia)
    project.run("lock")
    nvidia.server.forget()
    project.run("lock")
    assert [one.status for one in nvidia.server.requests] == [200, 200]


def test_a_root_forgotten_by_the_store_is_read_again(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    project.object((nvidia.repo.folder / "InRelease").read_bytes()).unlink()
    nvidia.server.forget()
    project.run("lock")
    assert [one.status for one in nvidia.server.requests] == [200]


def test_a_new_pin_asks_for_what_is_new_only(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.add_wheels(nvidia, "nvidia-cudnn-cu11")
    project.run("lock")
    project.run("sync")
    nvidia.server.forget()
    project.add("pin", upstream=WHEELS, packages=["nvidia-cudnn-cu10"])
    project.run("lock")
    project.run("sync")
    assert nvidia.server.count("/simple/*", status=200) == 1
    assert nvidia.server.count("*.whl") == 1
    assert nvidia.server.count(f"{nvidia.apt_path}/*") == 1


def test_a_changed_root_is_followed_and_only_new_packages_are_fetched(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    project.run("sync")
    nvidia.repo.publish()
    nvidia.server.forget()
    answer = project.run("lock", "--json").json
    assert (answer["written"], answer["added"], answer["removed"]) == (True, [], [])
    project.run("sync")
    assert [one.status for one in nvidia.server.requests] == [200]


def test_all_verbs_again_change_nothing(wanting: Project) -> None:
    wanting.publish()
    before = wanting.published()
    assert wanting.run("repackage", "--json").json["run"] == 0
    again = wanting.run("publish", "--json").json
    assert (again["number"], again["fresh"], again["added"], again["removed"]) == (1, False, [], [])
    assert wanting.published() == before
    wanting.run("lock")
    wanting.run("sync")
    assert wanting.published() == before
    assert wanting.run("status", "--json").json["next"] == ""


def test_a_dry_run_of_any_verb_changes_no_file(wanting: Project, nvidia: Nvidia) -> None:
    def dry(verb: str, **expected: object) -> None:
        before = wanting.everything()
        answer = wanting.run(verb, "--dry-run", "--json").json
        assert wanting.everything() == before
        assert {key: answer[key] for key in expected} == expected

    debs = [f"libcudnn8-dev {DEB} amd64", f"libcudnn8 {DEB} amd64"]
    added = [f"{one} (ubuntu2004/x86_64)" for one in debs]
    before = wanting.everything()
    answer = wanting.run("lock", "--dry-run", "--json").json
    assert wanting.everything() == before
    assert set(added) < set(answer["added"])
    assert (answer["written"], len(answer["artifacts"])) == (False, 4)
    wanting.run("lock")
    nvidia.server.forget()
    dry("sync", fetched_files=3 + 1)
    assert nvidia.server.requests == []
    wanting.run("sync")
    dry("repackage", run=1, built=[])
    wanting.run("repackage")
    dry("publish", number=1, fresh=True)
    wanting.run("publish")
    dry("lock", written=False, added=[])
    dry("sync", fetched_files=0)
    dry("repackage", run=0)
    dry("publish", number=1, fresh=False)
    dry("init", made=[])


def test_a_dry_run_of_init_makes_nothing(project: Project) -> None:
    folder = project.base.parent / "new"
    answer = project.run("init", "--dry-run", "--json", "-C", str(folder)).json
    assert answer["made"] == ["cudepot.toml", "gnupg", ".gitignore", "store"]
    assert not folder.exists()


def test_the_site_keeps_its_newest_snapshots_and_the_indexes_they_name(project: Project, nvidia: Nvidia) -> None:
    for cuda in ("10.2", "11.1"):
        project.sections = []
        project.add_apt(nvidia, f"libcudnn8=8.0.5.39-1+cuda{cuda}")
        for verb in ("lock", "sync", "publish"):
            project.run(verb)
    by_hash = sorted((project.site / "apt/ubuntu2004/x86_64/by-hash/SHA256").iterdir())
    assert len(by_hash) == 6, "two generations of three forms"
    text = (project.base / "site/snapshots/000001/apt/ubuntu2004/x86_64/Packages").read_bytes()
    assert text in [one.read_bytes() for one in by_hash]
    assert not (project.site / "apt/ubuntu2004/x86_64/libcudnn8_8.0.5.39-1+cuda10.2_amd64.deb").exists()
