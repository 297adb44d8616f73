"""A chain is tried again from its root on; what stays broken is named, dated, and stops no other upstream."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from simulator.faults import Replace, Status
from simulator.incidents import NEWER, Repository
from simulator.project import snapshot_of
from tests.workflows.incident_world import NEXT, PINNED, World

ONE, TWO, THREE = "ubuntu2004/x86_64", "ubuntu2204/x86_64", "debian12/x86_64"


def grown(world: World, name: str = ONE) -> Repository:
    """Publish a site, then a newer version upstream."""
    repo = world.add(name)
    world.publish()
    world.offer(name, PINNED, NEXT)
    repo.at(days_ago=1)
    repo.publish_index(12_000)
    return repo


def test_the_gap_between_index_and_signature_is_waited_out(world: World) -> None:
    """Issue 27: "up to 5 minutes for the repo metadata to settle on the CDN"."""
    repo = grown(world)
    older = {name: (repo.repo.folder / name).read_bytes() for name in ("InRelease", "Release", "Release.gpg")}
    repo.at(days_ago=0.5)
    repo.publish_index(13_000)
    for name, body in older.items():
        world.server.fault(f"{repo.path}/{name}", Replace(body, times=1))
    world.server.forget()
    done = world.project.run("lock", "--wait", "20")
    assert f'version = "{NEXT}"' in world.project.lock.read_text()
    assert "trying again, everything from the root on" in done.err
    asked = [one.path.rpartition("/")[2] for one in world.server.seen(method="GET")]
    assert asked[0] == asked[-2] == "InRelease", asked
    assert asked[-1] == "Packages.gz", asked
    last = world.server.seen()[-1].headers
    assert (last["cache-control"], last["pragma"]) == ("no-cache", "no-cache")
    assert world.project.run("status", "--json").json["faults"] == []


def test_waiting_ends_when_the_time_is_used_up(world: World) -> None:
    repo = grown(world)
    world.server.same_size(f"{repo.path}/Packages*")
    begun = time.monotonic()
    world.refused(5, "--wait", "3")
    assert 3 <= time.monotonic() - begun < 15
    assert world.server.count("*/InRelease", status=200) + world.server.count("*/InRelease", status=304) >= 3


def test_what_cannot_pass_is_not_waited_for(world: World) -> None:
    repo = grown(world)
    stranger = world.keys.generate("stranger <stranger@example.com>")
    repo.repo.sign(stranger)
    begun = time.monotonic()
    world.refused(5, "--wait", "60")
    assert time.monotonic() - begun < 15
    assert world.fault(ONE)["kind"] == "not trusted"


def test_broken_upstreams_do_not_stop_the_others(world: World) -> None:
    """Issue 25: two distributions at once, for three days."""
    repos = {name: world.add(name) for name in (ONE, TWO, THREE)}
    world.publish()
    for name, repo in repos.items():
        world.offer(name, PINNED, NEXT)
        repo.at(days_ago=3)
        repo.publish_index(12_000)
    for name in (ONE, TWO):
        repos[name].at(days_ago=1)
        repos[name].write_index(12_500)
    done = world.project.run("lock", "--json", check=False)
    assert done.rc == 5
    assert [one["upstream"] for one in done.json["failed"]] == [ONE, TWO]
    assert done.json["added"] == [f"{PINNED} {NEXT} amd64 ({THREE})"]
    assert [one["version"] == NEXT for one in done.json["artifacts"]] == [False, False, True]
    assert done.err.count("error E300: ") == 2
    world.project.run("sync")
    world.project.run("publish")
    assert (world.project.site / f"apt/{THREE}/{PINNED}_{NEXT}_amd64.deb").is_file()
    world.installs(name=ONE)
    assert [world.fault(name)["kind"] for name in (ONE, TWO)] == [NEWER, NEWER]


def test_an_upstream_that_was_never_locked_does_not_stop_the_others(world: World) -> None:
    repos = [world.add(name) for name in (ONE, TWO)]
    world.server.missing(f"{repos[0].path}/*")
    world.project.fail(4, "lock")
    assert TWO in world.project.lock.read_text()
    assert f"{ONE}: is left out: `cudepot lock` has failed since" in world.project.run("sync").out
    assert world.fault(ONE)["kind"] == "root is not there"
    world.healed()


def test_no_lock_is_written_when_nothing_could_be_locked(world: World) -> None:
    repo = world.add(ONE)
    world.server.missing(f"{repo.path}/*")
    assert world.project.fail(4, "lock", "--json").json["artifacts"] == []
    assert not world.project.lock.exists()


def test_a_file_that_cannot_be_had_holds_back_its_upstream_only_where_that_is_wanted(world: World) -> None:
    repos = {name: world.add(name) for name in (ONE, TWO)}
    world.publish()
    before = snapshot_of(world.project.site / f"apt/{ONE}")
    for name, repo in repos.items():
        world.offer(name, PINNED, NEXT, Homepage=f"https://example.com/{name}")  # else one object serves both
        repo.at(days_ago=1)
        repo.publish_index(12_000)
    world.server.missing(f"{repos[ONE].path}/{PINNED}_{NEXT}_amd64.deb")
    world.project.run("lock")
    world.project.fail(4, "sync")
    assert ONE in world.project.fail(3, "publish").error
    assert world.project.run("publish", "--keep-last", "--json").json["held"] == [ONE]
    after = snapshot_of(world.project.site / f"apt/{ONE}")
    assert [one for one, _ in after.values()] == [one for one, _ in before.values()]
    assert (world.project.site / f"apt/{TWO}/{PINNED}_{NEXT}_amd64.deb").is_file()
    world.project.run("verify")
    assert world.project.run("publish", "--keep-last", "--json").json["fresh"] is False
    world.installs(name=ONE)
    world.healed()
    world.project.run("publish", "--keep-last")
    assert (world.project.site / f"apt/{ONE}/{PINNED}_{NEXT}_amd64.deb").is_file()
    assert world.project.run("status", "--json").json["next"] == ""


def stale_root(world: World, repo: Repository) -> None:
    world.project.run("lock", "--dry-run")
    old = (repo.repo.folder / "InRelease").read_bytes()
    repo.at(days_ago=0.5)
    repo.publish_index(12_500)
    repo.server.cut(f"{repo.path}/Packages*", 0)
    world.project.run("lock", check=False)  # the newer root is accepted, its index does not come
    repo.server.heal()
    repo.server.replace(f"{repo.path}/InRelease", old)


def index_gone(world: World, repo: Repository) -> None:
    repo.server.missing(f"{repo.path}/Packages*")


def index_cut(world: World, repo: Repository) -> None:
    repo.server.cut(f"{repo.path}/Packages*", 5000)
    repo.server.ranges = False


def busy(world: World, repo: Repository) -> None:
    repo.server.unavailable(f"{repo.path}/Packages*", None)


def throttled(world: World, repo: Repository) -> None:
    repo.server.fault(f"{repo.path}/*", Status(429))


def torn(world: World, repo: Repository) -> None:
    """NVD#664, 2018, BADSIG: a new Release beside an old signature, in a repository without InRelease."""
    repo.server.missing(f"{repo.path}/InRelease")
    repo.repo.write_release()


FAULTS: list[tuple[Callable[[World, Repository], None], int, str]] = [
    (stale_root, 5, "stale edge (older root)"),
    (index_gone, 4, "signed root names an index that is not there"),
    (index_cut, 4, "transfer cut"),
    (busy, 4, "overloaded"),
    (throttled, 4, "overloaded"),
    (torn, 5, "signature does not fit its root"),
]


@pytest.mark.parametrize(("break_", "code", "kind"), FAULTS, ids=[one[0].__name__ for one in FAULTS])
def test_each_fault_has_its_name(
    world: World, break_: Callable[[World, Repository], None], code: int, kind: str
) -> None:
    repo = grown(world)
    break_(world, repo)
    told = world.refused(code).json
    assert f"{ONE}: {kind}, since " in told["error"]
    assert world.fault(ONE)["kind"] == kind
    repo.server.ranges = True
    world.server.heal()
    repo.at(days_ago=0.1)
    repo.publish_index(12_700)
    world.healed()
    assert f'version = "{NEXT}"' in world.project.lock.read_text()


def test_since_is_when_it_began_also_when_the_fault_turns_into_another(world: World) -> None:
    repo = grown(world)
    world.server.missing(f"{repo.path}/Packages*")
    world.refused(4)
    since = world.fault(ONE)["since"]
    world.server.heal()
    time.sleep(1.1)
    world.server.same_size(f"{repo.path}/Packages*")
    world.refused(5)
    fault = world.fault(ONE)
    assert (fault["kind"], fault["since"]) == ("same size, other content", since)
    assert fault["seen"] > since


def test_a_dry_run_remembers_no_fault(world: World) -> None:
    repo = grown(world)
    world.server.missing(f"{repo.path}/Packages*")
    before = world.project.everything()
    world.project.fail(4, "lock", "--dry-run")
    assert world.project.everything() == before


def test_accepted_roots_are_logged_once(world: World) -> None:
    repo = grown(world)
    log = world.project.store / "roots.log"
    assert len(log.read_text().splitlines()) == 1
    for _ in range(2):
        world.project.run("lock")
    first, second = [json.loads(line) for line in log.read_text().splitlines()]
    assert first["upstream"] == second["upstream"] == ONE
    assert second["url"] == f"{repo.url}InRelease"
    assert second["signers"] == [world.key.fingerprint]
    assert second["sha256"] in world.project.lock.read_text()
    assert second["date"] in (repo.repo.folder / "Release").read_text()
    world.server.flip(f"{repo.path}/InRelease", at=100)
    repo.publish_index(12_100)
    world.project.fail(5, "lock")
    assert len(log.read_text().splitlines()) == 2


def test_a_root_older_than_its_max_age_is_reported(world: World) -> None:
    world.add(ONE, max_age="20d")
    world.add(TWO, max_age="45d")
    done = world.project.run("lock", "--json").json
    assert list(done["old"]) == [ONE]
    assert "days old, max-age is 20d" in world.project.run("lock").out
    status = {one["name"]: one["old"] for one in world.project.run("status", "--json").json["upstreams"]}
    assert "max-age is 20d" in status[ONE]
    assert status[TWO] == ""
    world.project.toml.write_text(world.project.toml.read_text().replace("20d", "60d"))
    assert "max-age" not in world.project.run("status").out, "another max-age needs no new lock"
    world.project.toml.write_text(world.project.toml.read_text().replace('"60d"', '"2 months"'))
    assert "number of days" in world.project.fail(3, "lock").error
