"""Every recorded incident of a package, replayed: outside the pins it stops nothing, inside it is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from simulator.incidents import FILES, FileIncident, sized_deb
from simulator.project import snapshot_of
from tests.workflows.incident_world import GOOD, NEXT, PINNED, World

NAME = "ubuntu2404/x86_64"


def before_and_after(world: World, incident: FileIncident) -> tuple[Path, Path]:
    """Return the deb its index means, and the one that is served in its place."""
    declared = sized_deb(world.folder / "declared", incident.package, incident.version, incident.declared)
    served = sized_deb(world.folder / "served", incident.package, incident.version, incident.served, seed=1)
    return declared, served


def replay(world: World, incident: FileIncident) -> tuple[bytes, bytes]:
    """Put the package into the index as declared, and serve the other bytes; return both."""
    repo, (declared, served) = world.upstreams[NAME], before_and_after(world, incident)
    repo.at(days_ago=2)
    repo.repo.add(declared)
    world.offer(NAME, PINNED, NEXT)
    repo.publish_index(12_000)
    repo.repo.put(repo.repo.folder / declared.name, served.read_bytes())
    return declared.read_bytes(), served.read_bytes()


@pytest.mark.parametrize("incident", FILES, ids=str)
def test_a_bad_file_outside_the_pins_stops_nothing(world: World, incident: FileIncident) -> None:
    world.add(NAME)
    if incident.package == PINNED:  # here it is another version that is pinned
        world.project.sections[-1] = world.project.sections[-1].replace('"libcudnn8"', '"libcudnn8=8.[01].*"')
        world.project.write()
    world.publish()
    replay(world, incident)
    world.project.run("lock")
    world.project.run("sync")
    assert world.project.run("publish", "--json").json["fresh"] is True
    assert (world.project.site / f"apt/{NAME}/{PINNED}_{NEXT}_amd64.deb").is_file()
    assert world.project.run("status", "--json").json["faults"] == []


@pytest.mark.parametrize("incident", FILES, ids=str)
def test_a_bad_file_among_the_pins_is_named_and_the_site_stays(world: World, incident: FileIncident) -> None:
    repo = world.add(NAME, *([] if incident.package == PINNED else [incident.package]))
    if incident.package != PINNED:
        world.offer(NAME, incident.package, "0.9-1")
        repo.publish_index(9400)
    world.publish()
    declared, served = replay(world, incident)
    world.project.run("lock")
    error = world.project.fail(5, "sync").error
    world.project.fail(3, "publish")
    world.unharmed()
    fault = world.fault(NAME)
    assert (fault["kind"], fault["verb"]) == (incident.kind, "sync")
    assert fault["url"] == f"{repo.url}{incident.package}_{incident.version}_amd64.deb"
    assert (fault["evidence"]["served_size"], fault["evidence"]["promised_size"]) == (len(served), len(declared))
    for data in (served, declared):
        assert hashlib.sha256(data).hexdigest() in error
    assert f"{NAME}: {incident.kind}, since {fault['since']}" in error
    repo.repo.put(repo.repo.folder / f"{incident.package}_{incident.version}_amd64.deb", declared)
    world.healed()


def test_a_real_apt_still_installs_what_it_did_before(world: World) -> None:
    repo = world.add(NAME, "nvlink5-575")
    world.offer(NAME, "nvlink5-575", "0.9-1")
    repo.publish_index(9400)
    world.publish()
    replay(world, FILES[3])
    world.project.run("lock")
    world.project.fail(5, "sync")
    world.installs(GOOD, NAME)


@pytest.mark.parametrize("incident", [FILES[0], FILES[3], FILES[4]], ids=str)
def test_bytes_that_change_under_a_locked_version_are_an_alarm(world: World, incident: FileIncident) -> None:
    """The index is repaired later: it then means the other bytes. What is locked stays until somebody decides."""
    declared, served = before_and_after(world, incident)
    repo = world.add(NAME, *([] if incident.package == PINNED else [incident.package]))
    repo.repo.add(declared)
    repo.publish_index(12_000)
    world.publish()
    repo.at(days_ago=1)
    repo.repo.add(served)
    repo.publish_index(12_000)
    done = world.refused(5)
    both = [hashlib.sha256(one.read_bytes()).hexdigest() for one in (declared, served)]
    assert all(one in done.json["error"] for one in both)
    assert world.fault(NAME)["kind"] == "version changed in place"
    world.project.fail(5, "lock", "--accept-changed", "some-other-package")
    accepted = world.project.run("lock", "--accept-changed", incident.package, "--json").json
    assert [one["replaces"] for one in accepted["artifacts"] if one["replaces"]] == [both[0]]
    world.project.run("sync")
    world.project.run("publish")
    published = world.project.site / f"apt/{NAME}/{incident.package}_{incident.version}_amd64.deb"
    assert published.read_bytes() == served.read_bytes()
    assert world.project.run("status", "--json").json["faults"] == []
    assert world.project.run("lock", "--json").json["written"] is False


def test_files_the_index_names_and_the_server_lacks(world: World) -> None:
    """Issues 48 and 51."""
    repo = world.add(NAME)
    world.publish()
    deb = world.offer(NAME, PINNED, NEXT)
    repo.publish_index(12_000)
    world.server.missing(f"{repo.path}/{deb.name}")
    world.project.run("lock")
    assert "index names a file that is not there, since " in world.project.fail(4, "sync").error
    world.unharmed()
    assert world.fault(NAME)["evidence"]["promised_size"] == deb.stat().st_size
    since = world.fault(NAME)["since"]
    world.project.fail(4, "sync")
    assert world.fault(NAME)["since"] == since
    world.healed()


def test_a_cached_404_is_got_around(world: World) -> None:
    """Issues 10 and 51: the 404 itself is cached for seven days."""
    repo = world.add(NAME)
    world.publish()
    world.offer(NAME, PINNED, NEXT)
    repo.publish_index(12_000)
    world.server.cached_missing(f"{repo.path}/Packages*")
    world.server.cached_missing(f"{repo.path}/{PINNED}_{NEXT}_amd64.deb")
    world.project.run("lock", "--wait", "20")
    world.project.run("sync", "--wait", "20")
    world.project.run("publish")
    assert (world.project.site / f"apt/{NAME}/{PINNED}_{NEXT}_amd64.deb").is_file()
    assert world.project.run("status", "--json").json["faults"] == []


def test_the_same_name_with_other_bytes_in_two_repositories(world: World) -> None:
    """cuda-keyring_1.1-1_all.deb is one file in ubuntu2404/x86_64 and another in cross-linux-aarch64."""
    places = {NAME: 4328, "ubuntu2404/cross-linux-aarch64": 4356}
    debs = {}
    for seed, (name, size) in enumerate(places.items()):
        repo = world.add(name, "cuda-keyring")
        debs[name] = sized_deb(world.folder / str(seed), "cuda-keyring", "1.1-1", size, seed=seed)
        repo.repo.add(debs[name])
        repo.publish_index(12_000)
    world.publish()
    for name, deb in debs.items():
        assert (world.project.site / f"apt/{name}/{deb.name}").read_bytes() == deb.read_bytes()
    for name in places:
        world.installs(GOOD, name)


def test_duplicate_stanzas_and_an_epoch_that_is_not_in_the_file_name(world: World) -> None:
    """cuda-keyring stands twice in cross-linux-aarch64; datacenter-gpu-manager 1:3.3.6 lies in a file without 1:."""
    repo = world.add(NAME, "cuda-keyring", "datacenter-gpu-manager=1:3.3.6")
    first, last = (sized_deb(world.folder / str(seed), "cuda-keyring", "1.1-1", 4328, seed=seed) for seed in range(2))
    repo.repo.add(first)
    twice = list(repo.repo.stanzas)
    repo.repo.add(last)
    repo.repo.stanzas = [*twice, twice[-1], repo.repo.stanzas[-1]]
    deb = world.offer(NAME, "datacenter-gpu-manager", "1:3.3.6")
    assert deb.name == "datacenter-gpu-manager_3.3.6_amd64.deb"
    repo.publish_index(12_000)
    world.publish()
    folder = world.project.site / f"apt/{NAME}"
    assert (folder / first.name).read_bytes() == last.read_bytes(), "the last one is the repost"
    assert (folder / "Packages").read_text().count("Package: cuda-keyring\n") == 1
    assert "Version: 1:3.3.6\n" in (folder / "Packages").read_text()
    assert (folder / deb.name).read_bytes() == deb.read_bytes()
    before = snapshot_of(world.project.base / "site")
    world.project.run("lock")
    world.project.run("publish")
    assert snapshot_of(world.project.base / "site") == before
