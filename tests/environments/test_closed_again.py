"""Environments of debs as time goes on: new roots, new priorities, an upstream that is taken out of cudepot.toml."""

from __future__ import annotations

from pathlib import Path

from simulator.project import Project
from simulator.small_distribution import NEW, SECURITY, SmallDistribution
from tests.environments.test_closed_debs import ask, publish


def test_new_roots_alone_leave_nothing_to_publish(closed: Project, world: SmallDistribution) -> None:
    ask(closed, "make")
    publish(closed)
    before = closed.lock.read_text()
    world.publish()
    closed.run("lock")
    assert closed.lock.read_text() != before
    assert closed.run("status", "--check", "--json").json["next"] == ""
    assert not closed.run("publish", "--json").json["fresh"]


def test_new_priorities_reach_clients_though_no_package_moves(closed: Project, tmp_path: Path) -> None:
    ask(closed, "make", priorities={SECURITY: 550})
    publish(closed)
    closed.sections.pop()
    ask(closed, "make", priorities={SECURITY: 650})
    publish(closed)
    assert closed.run("status", "--json").json["next"] == ""
    closed.run("client", "apt", "--environment", "node", "--url", "http://x.example", "--output", str(tmp_path / "to"))
    (preferences,) = (tmp_path / "to/node/etc/apt/preferences.d").iterdir()
    assert f"Package: libc6\nPin: version {NEW}\nPin-Priority: 650\n" in preferences.read_text()


def test_it_stays_as_it_was_though_its_upstream_is_out_of_cudepot_toml(
    closed: Project, world: SmallDistribution
) -> None:
    ask(closed, "make")
    publish(closed)
    before = {path: path.read_bytes() for path in closed.site.rglob("*") if path.is_file()}
    world.offer(world.cuda, "libc6", f"{NEW}.1")
    world.publish()
    closed.sections.pop(1)
    closed.write()
    closed.run("lock")
    done = closed.run("publish", check=False)
    assert (done.rc, "environment node" in done.err, ("it keeps its last published version") in done.err) == (
        3,
        True,
        True,
    )
    assert {path: path.read_bytes() for path in closed.site.rglob("*") if path.is_file()} == before
    closed.run("sync")
    closed.run("publish")
    assert not (closed.site / "apt" / SECURITY).exists()


def test_clients_of_another_package_manager_are_told_what_it_has(closed: Project) -> None:
    ask(closed, "make")
    publish(closed)
    done = closed.fail(3, "client", "dnf", "--environment", "node", "--url", "http://x.example")
    assert "environment 'node' has no packages of yum" in done.error
    assert "of apt" in done.hint
