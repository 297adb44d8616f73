"""What goes wrong on the way while an environment is locked and fetched: never a wrong lock, never a wrong file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulator.project import Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from simulator.server import Server
from tests.environments.locked import refused, versions, want

Harm = Callable[[Server, str], object]
HARMS: dict[str, Harm] = {
    "cut": lambda server, path: server.cut(path, 0),
    "flipped": lambda server, path: server.flip(path, 90),
    "replaced": lambda server, path: server.same_size(path),
    "missing": lambda server, path: server.missing(path),
    "unavailable": lambda server, path: server.unavailable(path, times=None),
}


@pytest.fixture
def wanted(plain: Project, index: PythonIndex) -> Project:
    index.add(Dist("cp-a", "1.0", ("cp-b",)), size=200_000)
    index.add(Dist("cp-b", "1.0"), size=200_000)
    want(plain, "cp-a")
    return plain


@pytest.mark.parametrize("harm", HARMS)
def test_metadata_harmed_on_the_way_give_the_same_lock_or_none(wanted: Project, index: PythonIndex, harm: str) -> None:
    HARMS[harm](index.files, "*/cp_a-1.0-py3-none-any.whl.metadata")
    done = wanted.run("lock", check=False)
    assert done.rc in (0, 4), done
    if done.rc:
        assert not wanted.lock.exists() or "cp_a" not in wanted.lock.read_text()
        index.files.heal()
        wanted.run("lock")
    assert versions(wanted) == {"cp_a": "1.0", "cp_b": "1.0"}


@pytest.mark.parametrize("harm", ["cut", "flipped", "missing"])
def test_wheels_harmed_on_the_way_are_not_taken(wanted: Project, index: PythonIndex, harm: str) -> None:
    wanted.run("lock")
    HARMS[harm](index.files, "*/cp_b-1.0-py3-none-any.whl")
    refused(wanted, 5 if harm == "flipped" else 4, "sync")
    refused(wanted, 3, "publish")
    index.files.heal()
    for verb in ("sync", "publish", "verify"):
        wanted.run(verb)
    assert (wanted.site / "wheels/cp_b-1.0-py3-none-any.whl").read_bytes() == index.read("cp_b-1.0-py3-none-any.whl")


@pytest.mark.parametrize("harm", ["cut", "unavailable"])
def test_a_page_that_does_not_arrive_locks_nothing(wanted: Project, index: PythonIndex, harm: str) -> None:
    HARMS[harm](index.server, "/simple/cp-b/")
    refused(wanted, 4, "lock")
    index.server.heal()
    wanted.run("lock")
    assert versions(wanted) == {"cp_a": "1.0", "cp_b": "1.0"}


def test_what_passes_is_tried_again(wanted: Project, index: PythonIndex) -> None:
    index.server.unavailable("/simple/cp-b/", times=1)
    index.files.cut("*/cp_a-1.0-py3-none-any.whl", 1000, times=1)
    for verb in ("lock", "sync", "publish"):
        wanted.run(verb)
    assert versions(wanted) == {"cp_a": "1.0", "cp_b": "1.0"}
