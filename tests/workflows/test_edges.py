"""Edges: sites that follow another over HTTP, one behind the other, through whatever lies in between."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Fingerprint, snapshot_of
from simulator.server import Server
from simulator.sides import Far, Near, deb_of
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.workflows.following import edge_in, files, follow, forged, with_edges

from cudepot.catalog.site.bundle import Link, parse_manifest, render_manifest
from cudepot.catalog.site.shown import Shown, written
from cudepot.digest import Digest


@pytest.fixture
def near(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Near:
    """A site with one snapshot, which edges can follow."""
    one = Near(tmp_path / "near", site_key, upstream_key)
    with_edges(one)
    one.publish(deb_of("first", size=300_000))
    return one


@pytest.fixture
def web(near: Near) -> Iterator[Server]:
    """What the near side shows."""
    with Server(near.project.site) as server:
        server.young = 0
        yield server


@pytest.fixture
def edge(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    """An edge that has nothing yet."""
    return edge_in(tmp_path / "edge", site_key, upstream_key)


def shown(edge: Far) -> Fingerprint:
    """Fingerprint all that counts; objects that came stay, and are shown by nothing."""
    return snapshot_of(edge.site, edge.store / "snapshots", edge.store / "imported", edge.store / "incoming")


def refuse(edge: Far, web: Server, code: int) -> str:
    """Follow a site that must be refused, with nothing shown by it; return error and hint."""
    before = shown(edge)
    done = edge.fail(code, "edge", web.url, "--wait", "0")
    assert shown(edge) == before
    return f"{done.error} {done.hint}"


def test_an_edge_shows_what_the_site_shows_and_asks_once_while_that_is_the_same(
    near: Near, web: Server, edge: Far
) -> None:
    os.utime(near.project.site / "shown.asc", (1e9, 1e9))  # a date of this very second proves nothing
    done = follow(edge, web)
    assert (done["number"], done["fresh"], done["shown"]) == (1, True, 1)
    assert done["proved"][0]["signers"] == [near.repo.key.fingerprint]  # type: ignore[index]
    assert files(edge.site) == files(near.project.site)
    assert edge.run("verify", "--json").json["faults"] == []
    web.forget()
    assert follow(edge, web)["fresh"] is False
    assert [(one.path, one.status) for one in web.requests] == [("/shown.asc", 304)]


def test_only_what_is_missing_is_fetched_and_snapshots_between_are_passed_over(
    near: Near, web: Server, edge: Far
) -> None:
    follow(edge, web)
    for name in ("second", "third"):
        near.publish(deb_of(name))
    web.forget()
    assert follow(edge, web)["shown"] == 3
    assert not [one for one in web.requests if "first" in one.path]
    assert files(edge.site) == files(near.project.site)


def test_an_edge_of_an_edge_follows_the_same_signatures(
    near: Near, web: Server, edge: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    follow(edge, web)
    behind = edge_in(tmp_path / "behind", site_key, upstream_key)
    with Server(edge.site) as second:
        second.young = 0
        done = follow(behind, second)
        assert done["proved"][0]["signers"] == [near.repo.key.fingerprint]  # type: ignore[index]
        near.publish(deb_of("second"))
        assert follow(behind, second)["fresh"] is False
        follow(edge, web)
        assert follow(behind, second)["shown"] == 2
    assert files(behind.site) == files(near.project.site)
    assert behind.run("verify", "--json").json["faults"] == []


def test_an_edge_follows_a_far_side_that_bundles_come_to(
    near: Near, edge: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    far = edge_in(tmp_path / "far", site_key, upstream_key)
    far.take(*near.export("one.tar", 0))
    near.publish(deb_of("second", size=200_000))
    far.take(*near.export("two.tar", 1, "--split", "128K"))
    far.run("publish")
    with Server(far.site) as web:
        assert follow(edge, web)["shown"] == 2
    assert edge.run("verify", "--json").json["faults"] == []


def test_a_cut_line_costs_what_was_under_way(near: Near, web: Server, edge: Far) -> None:
    web.cut("*first*.deb", 200_000, times=1)
    assert follow(edge, web)["shown"] == 1
    assert [one.headers.get("range", "") for one in web.seen("*first*.deb")] == ["", "bytes=200000-"]


def test_a_run_that_was_killed_is_gone_on_with(near: Near, web: Server, edge: Far) -> None:
    """Killed early and late: what came stays, and nothing is shown before it is whole."""
    for path in ("/snapshot.json", "*first*.deb"):
        stalled = web.stall(path, 100)
        child = edge.start("edge", web.url, "--wait", "0")
        assert stalled.reached.wait(60)
        child.kill()
        child.communicate()
        web.heal()
        assert not edge.site.exists()
    assert follow(edge, web)["shown"] == 1
    assert edge.run("verify", "--json").json["faults"] == []


def test_a_site_that_changes_while_it_is_read_is_followed_to_what_it_shows_then(
    near: Near, web: Server, edge: Far
) -> None:
    old = files(near.project.site)
    near.publish(deb_of("second"))
    for name in ("follow.json", "follow.json.asc"):  # a cache has the old head, everything else is new
        web.replace(f"/{name}", old[name], times=1)
    assert follow(edge, web)["shown"] == 2


def test_bytes_that_are_not_what_the_site_signed_are_refused(near: Near, web: Server, edge: Far) -> None:
    web.flip("*first*.deb")
    assert "first" in refuse(edge, web, 5)
    web.heal()
    assert follow(edge, web)["shown"] == 1


@pytest.mark.parametrize("name", ["follow.json", "follow.json.asc", "snapshot.json", "snapshot.json.asc"])
def test_a_document_that_was_changed_on_the_way_is_refused(near: Near, web: Server, edge: Far, name: str) -> None:
    web.flip(f"/{name}", at=200)
    refuse(edge, web, 5)
    web.heal()
    assert follow(edge, web)["shown"] == 1


def test_what_the_upstream_did_not_sign_is_refused_although_the_site_signed_it(
    near: Near, web: Server, edge: Far, upstream_key: tuple[KeyHome, Key]
) -> None:
    toml = edge.toml.read_text()
    edge.toml.write_text(toml.replace(upstream_key[1].fingerprint, "A" * 40))
    assert "not pinned" in refuse(edge, web, 5)
    edge.toml.write_text(toml)
    assert follow(edge, web)["shown"] == 1


def test_an_older_snapshot_is_refused_and_the_hint_shows_it(near: Near, web: Server, edge: Far) -> None:
    old = files(near.project.site)
    follow(edge, web)
    near.publish(deb_of("second"))
    follow(edge, web)
    for name in ("shown.asc", "follow.json", "follow.json.asc", "snapshot.json", "snapshot.json.asc"):
        web.extra[f"/{name}"] = old[name]
    assert "`cudepot rollback 1`" in refuse(edge, web, 5)
    edge.run("rollback", "1")
    assert (edge.site).readlink().name == "000001"


def test_a_site_that_began_again_is_taken_when_somebody_says_so(
    near: Near, web: Server, edge: Far, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    """Refused while the new chain is shorter, when it has as many snapshots, and when gc left none in common."""
    near.publish(deb_of("second"))
    follow(edge, web)
    again = Near(tmp_path / "again", site_key, upstream_key)
    with_edges(again)
    with Server(again.project.site) as other:
        other.young = 0
        again.publish(deb_of("another", size=100_000))
        assert "older than 2" in refuse(edge, other, 5)
        again.publish(deb_of("third"))
        assert "does not follow snapshot 2" in refuse(edge, other, 5)
        again.publish(deb_of("fourth"))
        again.project.run("gc", "--keep", "1", "--force")
        again.publish(deb_of("fifth"))
        assert "`cudepot edge --accept-new-chain`" in refuse(edge, other, 5)
        assert follow(edge, other, "--accept-new-chain", "-n")["forgotten"] == [2]
        done = follow(edge, other, "--accept-new-chain")
        assert (done["forgotten"], done["shown"]) == ([2], 4)
        assert files(edge.site) == files(again.project.site)
        again.publish(deb_of("sixth"))
        assert follow(edge, other)["shown"] == 5
    assert edge.run("verify", "--json").json["faults"] == []
    assert "older than 5" in refuse(edge, web, 5), "the site of before is not taken by the way"


def test_a_snapshot_that_gc_removed_on_the_site_still_tells_where_an_edge_is(
    near: Near, web: Server, edge: Far, site_key: SiteKey
) -> None:
    follow(edge, web)
    for number in range(2, 5):
        near.publish(deb_of(f"deb{number}"))
        near.project.run("gc", "--keep", "1", "--force")
    near.publish(deb_of("last"))
    manifest = parse_manifest((near.project.site / "follow.json").read_bytes(), "manifest")
    assert [one.number for one in manifest.chain] == [1, 2, 3, 4]
    fork = render_manifest(replace(manifest, chain=(Link(1, "0" * 64), *manifest.chain[1:])))
    said = (near.project.site / "shown.asc").read_bytes()

    def shows(one: Shown) -> Shown:
        return one._replace(shows=(one.shows[0]._replace(manifest=Digest.of(fork)),))

    web.extra["/follow.json"] = fork
    web.extra["/follow.json.asc"] = KeyHome(site_key.home).detach(fork, site_key.key)
    web.extra["/shown.asc"] = forged(said, site_key, shows)
    assert "does not follow snapshot 1" in refuse(edge, web, 5)
    web.extra.clear()
    assert follow(edge, web)["shown"] == 5


def test_an_edge_that_hears_nothing_new_for_too_long_says_so(
    near: Near, web: Server, edge: Far, site_key: SiteKey, tmp_path: Path
) -> None:
    """A night without news costs one request of the edge, and a held-back answer is an alarm."""
    follow(edge, web)
    said = (near.project.site / "shown.asc").read_bytes()
    edge.toml.write_text(edge.toml.read_text().replace("[site]", f'[site]\nfollow = "{web.url}"'))
    assert "edge_valid_until" in _metrics(edge, tmp_path)
    near.project.run("publish")
    assert (near.project.site / "shown.asc").read_bytes() == said, "two runs of one night say the same"

    def days_ago(days: int) -> bytes:
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        dates = {"signed": written(then), "until": written(then + datetime.timedelta(days=3))}
        return forged(said, site_key, lambda one: one._replace(**dates))

    edge.store.joinpath("edge.json").unlink()
    web.extra["/shown.asc"] = days_ago(4)
    done = follow(edge, web)
    assert (done["fresh"], "counted until" in done["notes"][0]) == (False, True)
    assert "counted until" in "".join(edge.run("status", "--check", "--json", check=False).json["alarms"])
    assert edge.run("run", "--wait", "0", check=False).rc == 14
    web.extra["/shown.asc"] = days_ago(5)
    assert "there was something newer" in refuse(edge, web, 5)
    web.extra["/shown.asc"] = days_ago(-1)
    assert "this machine's clock" in refuse(edge, web, 5)
    web.extra["/shown.asc"] = days_ago(1)
    web.forget()
    assert follow(edge, web)["notes"] == []
    assert [one.path for one in web.requests] == ["/shown.asc"]
    assert edge.run("status", "--check", check=False).rc == 0


def _metrics(edge: Far, folder: Path) -> str:
    edge.run("status", "--metrics", str(folder / "cudepot.prom"))
    return (folder / "cudepot.prom").read_text()


def test_a_site_without_edges_says_what_to_set_there(near: Near, web: Server, edge: Far) -> None:
    toml = near.project.toml
    toml.write_text(toml.read_text().replace("edges = true\n", ""))
    near.publish(deb_of("second"))
    assert not (near.project.site / "follow.json").exists()
    assert "`edges = true`" in refuse(edge, web, 4)
    toml.write_text(toml.read_text().replace("[site]", "[site]\nedges = true"))
    near.project.run("publish")
    assert follow(edge, web)["shown"] == 2


def test_a_dry_run_says_what_would_be_fetched_and_brings_nothing(near: Near, web: Server, edge: Far) -> None:
    before = edge.everything()
    done = follow(edge, web, "-n")
    assert (done["number"], done["fresh"], done["shown"]) == (1, True, None)
    assert done["bytes"] > 300_000  # type: ignore[operator]
    assert edge.everything() == before


def test_a_rollback_here_holds_while_the_site_goes_on(near: Near, web: Server, edge: Far) -> None:
    follow(edge, web)
    near.publish(deb_of("second"))
    follow(edge, web)
    edge.run("rollback", "1")
    near.publish(deb_of("third"))
    assert (follow(edge, web)["number"], (edge.site).readlink().name) == (3, "000001")
    edge.run("publish", "--release-rollback")
    assert (edge.site).readlink().name == "000003"


def test_where_the_site_is_may_be_written_down(near: Near, web: Server, edge: Far) -> None:
    assert "`cudepot edge URL`" in edge.fail(3, "edge").hint
    edge.toml.write_text(edge.toml.read_text().replace("[site]", f'[site]\nfollow = "{web.url}"'))
    assert edge.run("edge", "--json").json["shown"] == 1


def test_a_run_on_an_edge_brings_and_shows_what_is_new(near: Near, web: Server, edge: Far) -> None:
    edge.toml.write_text(edge.toml.read_text().replace("[site]", f'[site]\nfollow = "{web.url}"'))
    steps = {one["name"]: one for one in edge.run("run", "--json", "--wait", "0").json["steps"]}
    assert (steps["edge"]["done"]["fresh"], steps["publish"]["done"]["snapshot"]) == (True, 1)
    web.missing("/follow.json")
    near.publish(deb_of("second"))
    report = edge.run("run", "--json", "--wait", "0", check=False)
    assert (report.rc, report.json["shown"]) == (4, 1)


def test_a_project_that_signs_its_own_site_follows_none(near: Near, web: Server) -> None:
    assert "signs its own site" in near.project.fail(3, "edge", web.url).error


def test_gc_on_both_sides_keeps_what_edges_need(near: Near, web: Server, edge: Far) -> None:
    follow(edge, web)
    for number in range(2, 6):
        near.publish(deb_of(f"deb{number}"))
    for project in (near.project, edge):
        project.run("gc", "--keep", "1", "--force")
    near.project.run("publish")
    assert near.project.run("verify", "--json").json["faults"] == []
    assert follow(edge, web)["shown"] == 5
    edge.run("gc", "--keep", "1", "--force")
    assert edge.run("verify", "--json").json["faults"] == []


def test_verify_sees_a_changed_document_for_edges_and_repair_mends_it(near: Near) -> None:
    file = near.project.site / "follow.json"
    file.write_bytes(file.read_bytes() + b" ")
    assert "follow.json" in "".join(near.project.run("verify", "--json", check=False).json["faults"])
    near.project.run("verify", "--repair")
    assert near.project.run("verify", "--json").json["faults"] == []


def test_apt_installs_from_an_edge(near: Near, web: Server, edge: Far, tmp_path: Path) -> None:
    follow(edge, web)
    with Server(edge.site) as shown:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{shown.url}/apt/up/", edge.site / "keys/site.gpg")
        root.update()
        root.install("first")
    assert root.status("first") == "install ok installed"
