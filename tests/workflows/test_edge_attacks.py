"""What a hostile site, signing with its own key, and a hostile line can say to an edge: nothing of it is ever shown."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import snapshot_of
from simulator.server import Server
from simulator.sides import Far, Near, deb_of
from simulator.site_key import SiteKey
from tests.workflows.following import channels_of, edge_in, follow, forged, signed, with_edges

from cudepot.catalog.site.bundle import Link
from cudepot.catalog.site.shown import Shown, Shows
from cudepot.cli.main import main

HUGE = 5 << 20


class World(NamedTuple):
    """A site with two channels, an edge that is a step behind it, and what lies between.

    ``told`` is what the site says now, ``before`` what it said when the edge asked last.
    """

    near: Near
    web: Server
    edge: Far
    key: SiteKey
    other: Key
    told: bytes
    before: dict[str, bytes]

    def says(self, change: Callable[[Shown], Shown]) -> None:
        """Let the site sign something else."""
        self.web.extra["/shown.asc"] = forged(self.told, self.key, change)

    def shows(self, name: str, change: Callable[[Shows], Shows]) -> None:
        """Let the site sign something else of one channel."""
        self.says(
            lambda one: one._replace(shows=tuple(change(each) if each.channel == name else each for each in one.shows))
        )

    def ask(self) -> tuple[int, str]:
        """Let the edge follow, in this process; return its exit status and what it said."""
        err = io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            rc = main(["edge", self.web.url, "--wait", "0", "-C", str(self.edge.base)])
        return rc, err.getvalue()


def _by_another(world: World) -> None:
    with KeyHome() as home:
        text = home.clearsign(b'{"format": "cudepot-shown 1"}\n', home.generate("else <else@example.com>"))
    world.web.extra["/shown.asc"] = text


def _elsewhere(world: World) -> None:
    world.web.extra["/old"] = world.before["shown.asc"]
    world.web.redirect("/shown.asc", f"http://localhost:{world.web.port}/old")


def _text(text: bytes) -> Callable[[World], None]:
    return lambda world: world.web.extra.update({"/shown.asc": signed(text, world.key)})


def _plain(body: bytes) -> Callable[[World], None]:
    return lambda world: world.web.extra.update({"/shown.asc": body})


def _channels(*names: str) -> Callable[[World], None]:
    return lambda world: world.says(lambda one: one._replace(channels=(*one.channels, *names)))


def _tag(name: str) -> Callable[[World], None]:
    return lambda world: world.says(lambda one: one._replace(tags=((name, 1),)))


def _of(name: str, **changed: object) -> Callable[[World], None]:
    return lambda world: world.shows(name, lambda one: one._replace(**changed))


def _promotion(link: Link) -> Callable[[World], None]:
    return lambda world: world.says(lambda one: one._replace(promotion=link))


def _back(world: World) -> None:
    """Prod is to show snapshot 1 again, which it did once, by the record that said so then or by none."""
    old = Link(1, world.near.project.base.joinpath("hash-of-1").read_text())
    world.shows("prod", lambda one: one._replace(snapshot=old, record=0))


def _mixed(world: World) -> None:
    for name in ("follow.json", "follow.json.asc"):
        for channel in ("dev", "prod"):
            world.web.extra[f"/{channel}/{name}"] = world.before[f"dev/{name}"]


ATTACKS: dict[str, tuple[Callable[[World], None], int, str]] = {
    "signed by another key": (_by_another, 5, "not the site that this edge follows"),
    "not signed": (_plain(b'{"format": "cudepot-shown 1"}'), 5, "not the site that this edge follows"),
    "two signed texts": (lambda one: _plain(one.told * 2)(one), 5, "not the site that this edge follows"),
    "not JSON": (_text(b"{\n"), 3, "not JSON"),
    "too deep": (_text(b"[" * 100_000), 3, "not JSON"),
    "of the future": (_text(b'{"format": "cudepot-shown 9"}'), 3, "use a newer cudepot"),
    "huge": (_plain(b" " * HUGE), 4, "more than"),
    "endless": (lambda one: _endless(one, "/shown.asc"), 4, "more than"),
    "an endless manifest": (lambda one: _endless(one, "/*/follow.json"), 4, "more than"),
    "an endless snapshot": (lambda one: _endless(one, "/*/snapshot.json"), 5, "more"),
    "what was heard before, from another origin": (_elsewhere, 0, ""),
    "a redirect to a file": (lambda one: _redirect(one, "file:///etc/passwd"), 4, "only http and https"),
    "a path as a channel": (_channels("../../etc"), 3, "not a name of a channel"),
    "a name that is taken": (_channels("snapshots"), 3, "not a name of a channel"),
    "one name twice": (_channels("prod"), 3, "twice"),
    "a path as a tag": (_tag("../x"), 3, "not a tag"),
    "a channel that is not named": (_of("prod", channel="other"), 3, "does not name"),
    "number 0": (_of("dev", snapshot=Link(0, "")), 3, "integer"),
    "a number that is none": (_of("dev", snapshot=Link(10**9, "0" * 64)), 3, "integer"),
    "another snapshot of that number": (_of("dev", snapshot=Link(3, "0" * 64)), 5, "another snapshot"),
    "the first channel back": (_of("dev", snapshot=Link(1, "0" * 64)), 5, "older than 2"),
    "a channel back without a record": (_back, 5, "goes back"),
    "a record of something else": (_of("prod", record=1), 5, "no promotion says"),
    "a record that is not there": (_of("prod", record=9), 5, "no promotion says"),
    "fewer promotions": (_promotion(Link(0, "")), 5, "and 2 are here"),
    "other promotions": (_promotion(Link(2, "0" * 64)), 5, "do not continue"),
    "a promotion that is not there": (_promotion(Link(9, "0" * 64)), 4, "promotions.d"),
    "a record that is cut": (lambda one: _cut(one, "/promotions.d/*3.json"), 4, "promotions.d"),
    "a record that was changed": (lambda one: _flip(one, "/promotions.d/*3.json"), 5, "not the record"),
    "an old manifest under a new word": (_mixed, 5, "is not what the site says it is"),
    "a changed package": (lambda one: _flip(one, "*third*.deb"), 5, "third"),
}


def _endless(world: World, path: str) -> None:
    world.web.endless(path)


def _redirect(world: World, target: str) -> None:
    world.web.redirect("/shown.asc", target)


def _cut(world: World, path: str) -> None:
    world.web.cut(path, 50)


def _flip(world: World, path: str) -> None:
    world.web.flip(path)


def test_nothing_of_what_a_hostile_site_or_line_says_is_shown(
    site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = Near(tmp_path / "near", site_key, upstream_key)
    with_edges(near, "dev", "prod")
    site = near.project.base / "site"
    near.publish(deb_of("first"))
    near.project.run("promote", "dev", "prod")
    edge = edge_in(tmp_path / "edge", site_key, upstream_key, ["dev", "prod"])
    with Server(site) as web:
        web.young = 0
        follow(edge, web)
        near.publish(deb_of("second"))
        near.project.run("promote", "dev", "prod")
        follow(edge, web)
        before = {name: (site / name).read_bytes() for name in ("shown.asc", "dev/follow.json", "dev/follow.json.asc")}
        near.publish(deb_of("third", size=50_000))
        near.project.run("promote", "dev", "prod")
        first = parse_link(before["dev/follow.json"], 1)
        near.project.base.joinpath("hash-of-1").write_text(first)
        told = (site / "shown.asc").read_bytes()
        world = World(near, web, edge, site_key, upstream_key[1], told, before)
        for name in ("CUDEPOT_TRIES", "CUDEPOT_WAIT"):
            monkeypatch.setenv(name, edge.env[name])
        kept = edge.site.parent, edge.store / "snapshots", edge.store / "promotions", edge.store / "imported"
        was, wrong = snapshot_of(*kept), []
        for name, (attack, code, text) in ATTACKS.items():
            attack(world)
            rc, said = world.ask()
            if (rc, text in said, snapshot_of(*kept) == was) != (code, True, True):
                wrong.append(f"{name}: exit {rc}, {'shown' if snapshot_of(*kept) != was else 'not shown'}: {said}")
            web.heal()
            web.extra.clear()
        assert not wrong, "\n".join(wrong)
        assert follow(edge, web)["channels"] == {"dev": 3, "prod": 3}
    assert channels_of(edge.base / "site") == {"dev": 3, "prod": 3}
    assert edge.run("verify", "--json").json["faults"] == []


def parse_link(manifest: bytes, number: int) -> str:
    """Return the hash that a manifest's chain has for a snapshot."""
    from cudepot.catalog.site.bundle import parse_manifest

    return next(one.sha256 for one in parse_manifest(manifest, "follow.json").chain if one.number == number)
