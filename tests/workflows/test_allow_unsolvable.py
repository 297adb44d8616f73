"""What cannot be installed and is published all the same: allowed with a reason, kept in the lock, taken back."""

from __future__ import annotations

import tomllib

import pytest
from simulator.nvidia import Nvidia
from simulator.project import APT, Project

WHY = "unpacked by hand on the login nodes"


@pytest.fixture
def pinned(project: Project, nvidia: Nvidia) -> Project:
    """A project with one pinned package that needs nothing the repository lacks."""
    project.add_apt(nvidia, "libcudnn8")
    return project


def allowed(project: Project) -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads(project.lock.read_text()).get("allowed-unsolvable", [])
    return found


def test_a_lock_that_allows_nothing_says_nothing_of_it(pinned: Project) -> None:
    pinned.run("lock")
    assert b"unsolvable" not in pinned.lock.read_bytes()


def test_what_is_allowed_stays_in_the_lock_with_its_reason_until_it_is_taken_back(pinned: Project) -> None:
    name = "conda/main"
    done = pinned.run("lock", "--allow-unsolvable", name, "--reason", WHY)
    assert allowed(pinned) == [{"name": name, "reason": WHY}]
    note = f"{name}: published although not all of it can be installed ({WHY})"
    assert note in done.out
    pinned.run("lock")
    assert allowed(pinned) == [{"name": name, "reason": WHY}]
    assert note in pinned.run("status").out
    assert pinned.run("status", "--json").json["unsolvable"] == [note]
    pinned.run("sync")
    assert note in pinned.run("publish").out
    assert pinned.run("publish", "--json").json["unsolvable"] == [note]
    pinned.run("lock", "--forbid-unsolvable", name)
    assert allowed(pinned) == []
    assert pinned.run("status", "--json").json["unsolvable"] == []


def test_a_reason_is_required_and_a_name_has_to_be_one_of_a_repository(pinned: Project) -> None:
    assert "--reason is missing" in pinned.fail(3, "lock", "--allow-unsolvable", APT).error
    assert "--reason is missing" in pinned.fail(3, "lock", "--allow-unsolvable", APT, "--reason", " ").error
    assert "--reason without --allow-unsolvable" in pinned.fail(3, "lock", "--reason", WHY).error
    wrong = pinned.fail(3, "lock", "--allow-unsolvable", "ubuntu2204", "--reason", WHY)
    assert "no such repository" in wrong.error
    assert APT in wrong.hint
    assert "it is not allowed now" in pinned.fail(3, "lock", "--forbid-unsolvable", APT).error


def test_sync_takes_the_same_options_with_lock_only(pinned: Project) -> None:
    pinned.run("sync", "--lock", "--allow-unsolvable", APT, "--reason", WHY)
    assert allowed(pinned) == [{"name": APT, "reason": WHY}]
    for option in (["--forbid-unsolvable", APT], ["--allow-unsolvable", APT], ["--reason", WHY]):
        assert f"{option[0]} applies to locking" in pinned.fail(3, "sync", *option).error


def test_a_reason_that_was_emptied_by_hand_is_refused(pinned: Project) -> None:
    pinned.run("lock", "--allow-unsolvable", "conda/main", "--reason", WHY)
    pinned.lock.write_text(pinned.lock.read_text().replace(WHY, ""))
    assert "expected a reason in 'allowed-unsolvable[0].reason'" in pinned.fail(3, "sync").error
