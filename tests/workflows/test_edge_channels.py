"""Edges of a site with channels: each under its name, moved as the site's records say, for what is new."""

from __future__ import annotations

import os
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.server import Server
from simulator.sides import Near, deb_of
from simulator.site_key import SiteKey
from tests.workflows.following import NAMES, channels_of, edge_in, files, follow, with_edges


def test_channels_are_followed_under_their_names_with_the_records_of_their_promotions(
    site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    near = Near(tmp_path / "near", site_key, upstream_key)
    with_edges(near, *NAMES)
    site = near.project.base / "site"
    near.publish(deb_of("first", size=300_000))
    near.project.run("promote", "dev", "test", "-m", "tried")
    near.project.run("promote", "test", "prod")
    near.publish(deb_of("second"))
    near.project.run("tag", "q4", "1")
    near.project.run("publish")
    edge = edge_in(tmp_path / "edge", site_key, upstream_key)
    behind = edge_in(tmp_path / "behind", site_key, upstream_key, ["prod"])
    with Server(site) as web, Server(edge.base / "site") as second:
        web.young = second.young = 0
        listed = '`channels = ["dev", "test", "prod"]`'
        assert listed in edge.fail(3, "edge", web.url, "--wait", "0").hint
        edge.toml.write_text(edge.toml.read_text().replace("[site]\n", f"[site]\n{listed.strip('`')}\n"))

        os.utime(site / "shown.asc", (1e9, 1e9))  # a date of this very second proves nothing
        done = follow(edge, web)
        assert (done["channels"], done["promotions"]) == ({"dev": 2, "test": 1, "prod": 1}, 2)
        assert web.count("*first*.deb") == 1, "what several snapshots have comes once"
        _same(edge.base / "site", site)
        assert "tried" in edge.run("channels", "test").out
        assert "q4" in edge.run("tag").out

        web.forget()
        assert follow(edge, web)["fresh"] is False
        assert [(one.path, one.status) for one in web.requests] == [("/shown.asc", 304)]

        assert follow(behind, second)["channels"] == {"prod": 1}
        late = edge_in(tmp_path / "late", site_key, upstream_key, ["prod"])
        follow(late, web)
        late.toml.write_text(late.toml.read_text().replace('channels = ["prod"]', 'channels = ["test", "prod"]'))
        assert follow(late, web)["channels"] == {"test": 1, "prod": 1}, "with an older record than it had"
        near.project.run("promote", "dev", "test")
        web.forget()
        done = follow(edge, web)
        assert (done["channels"], done["objects"]) == ({"dev": 2, "test": 2, "prod": 1}, 0)
        assert len(web.requests) <= 3, "what it says, the record and its signature"
        assert follow(behind, second)["fresh"] is False

        near.project.run("promote", "test", "prod")
        near.project.run("rollback", "1", "--channel", "prod")
        assert follow(edge, web)["channels"] == {"dev": 2, "test": 2, "prod": 3}
        assert follow(behind, second)["channels"] == {"prod": 3}
        _same(edge.base / "site", site)
        web.missing("*shown.asc")
        assert "hides it" in edge.fail(5, "edge", web.url, "--wait", "0").hint, "never without dates again"
    assert "second" not in "".join(files(behind.base / "site" / "prod")), "what no channel here shows is not fetched"
    for one in (edge, behind):
        assert one.run("verify", "--json").json["faults"] == []
        assert one.run("status", "--check", check=False).rc == 0


def _same(one: Path, other: Path) -> None:
    assert channels_of(one) == channels_of(other)
    for name in NAMES:
        assert files(one / name) == files(other / name)
    assert (one / "shown.asc").read_bytes() == (other / "shown.asc").read_bytes()


def test_who_accepts_a_new_chain_keeps_the_old_records_until_the_new_ones_are_there(
    site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    sites = []
    for name in ("near", "again"):
        near = Near(tmp_path / name, site_key, upstream_key)
        with_edges(near, "dev", "prod")
        near.publish(deb_of(name))
        near.project.run("promote", "dev", "prod")
        sites.append(near)
    sites[1].publish(deb_of("newer"))
    sites[1].project.run("promote", "dev", "prod")
    edge = edge_in(tmp_path / "edge", site_key, upstream_key, ["dev", "prod"])
    with Server(sites[0].project.base / "site") as web, Server(sites[1].project.base / "site") as other:
        follow(edge, web)
        before = files(edge.store / "promotions")
        assert "--accept-new-chain" in edge.fail(5, "edge", other.url, "--wait", "0").hint
        follow(edge, other, "--accept-new-chain", "-n")
        assert files(edge.store / "promotions") == before
        other.missing("*newer*.deb")
        assert edge.run("edge", other.url, "--accept-new-chain", "--wait", "0", check=False).rc
        assert files(edge.store / "promotions") == before, "nothing is lost where the rest does not come"
        other.heal()
        assert follow(edge, other, "--accept-new-chain")["channels"] == {"dev": 2, "prod": 2}
    now = files(edge.store / "promotions")
    assert sorted(now) == ["000002.json", "000002.json.asc"], "those that its channels need"
    assert now.items() <= files(sites[1].project.store / "promotions").items()
