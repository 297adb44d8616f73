"""Rpms of rpm before 4.14: which signature covers their payload, with signed metadata and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.old_rpms import make_old
from simulator.process import ToolError
from simulator.project import Project
from simulator.rpms import rpm_says, sign_rpms, simple_rpm, write_rpm
from simulator.yum import Rhel
from tests.kinds.yum.world import add_yum

UNSIGNED = {"trust": "hash-lock", "keys": []}


def flipped(path: Path) -> None:
    """Change the last byte, which belongs to the payload."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.fixture
def old(rhel: Rhel) -> dict[str, Path]:
    """The repository with old packages: signed in one way, in the other, in both, and torn after it was signed."""
    found = {}
    for name, kinds in {
        "both": {}, "whole": {"header": False}, "header": {"whole": False}, "torn": {}, "ripped": {"header": False},
        "none": {"header": False, "whole": False}, "foreign": {"header": False},
    }.items():  # fmt: skip
        path = write_rpm(simple_rpm(name, "1.0"), rhel.folder)
        sign_rpms([path], rhel.keys, rhel.key)
        key = rhel.other_key if name == "foreign" else rhel.key
        found[name] = make_old(path, rhel.keys, key, **kinds)
        if name in ("torn", "ripped"):
            flipped(path)
        rhel.repo.add(path)
    rhel.repo.publish()
    return found


def refused(project: Project) -> set[str]:
    """Lock and sync; return the names of packages that are refused because of their signatures."""
    project.run("lock")
    done = project.fail(5, "sync")
    return {one for one in NAMES if f"{one}-1.0-1" in done.err}


NAMES = ("both", "whole", "header", "torn", "ripped", "none", "foreign")


def test_signed_metadata_vouch_for_the_payload_and_one_good_signature_is_enough(
    project: Project, rhel: Rhel, old: dict[str, Path]
) -> None:
    add_yum(project, rhel, *NAMES)
    assert refused(project) == {"ripped", "none", "foreign"}


def test_without_signed_metadata_a_signature_has_to_cover_the_payload(
    project: Project, rhel: Rhel, old: dict[str, Path]
) -> None:
    add_yum(project, rhel, *NAMES, **UNSIGNED)
    assert refused(project) == {"header", "torn", "ripped", "none", "foreign"}


def test_the_lock_binds_bytes_that_no_signature_covers(project: Project, rhel: Rhel, old: dict[str, Path]) -> None:
    add_yum(project, rhel, "header", **UNSIGNED, **{"rpm-keys": [], "keyrings": []})
    project.run("lock")
    flipped(rhel.rpm("header-1.0-1.x86_64"))
    assert "same size, other content" in project.fail(5, "sync").error
    flipped(rhel.rpm("header-1.0-1.x86_64"))
    project.publish()
    flipped(rhel.rpm("header-1.0-1.x86_64"))
    rhel.repo.publish()
    changed = project.fail(5, "lock").error
    assert "header 1.0-1 x86_64: locked with sha256" in changed, "nor does a new index bring others"


@pytest.mark.parametrize(("name", "good"), [("both", True), ("whole", True), ("ripped", False)])
def test_rpm_itself_judges_these_packages_likewise(
    rhel: Rhel, old: dict[str, Path], tmp_path: Path, name: str, good: bool
) -> None:
    if good:
        assert "NOT OK" not in rpm_says(old[name], tmp_path, rhel.key)
    else:
        with pytest.raises(ToolError, match=r"BAD|NOT OK"):
            rpm_says(old[name], tmp_path, rhel.key)
