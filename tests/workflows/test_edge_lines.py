"""Two edges, one behind the other, over lines that are cut and while they are killed: both end with the site."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from simulator.cut_line import CutLine, cut_line
from simulator.keys import Key, KeyHome
from simulator.server import Server
from simulator.sides import Far, Near, deb_of
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.workflows.following import channels_of, edge_in, files, with_edges

CHANNELS = ("dev", "prod")


class Sizes:
    """How much is carried, and over what lines: debs, bytes of each, bytes of a connection, kills of each edge."""

    def __init__(self, debs: int, size: int, most: int, rate: float, kills: int) -> None:
        self.debs, self.size, self.most, self.rate, self.kills = debs, size, most, rate, kills


SMALL = Sizes(6, 1_000_000, 500_000, 2e6, 1)
LARGE = Sizes(14, 50_000_000, 20_000_000, 10e6, 4)


@pytest.mark.parametrize("sizes", [SMALL, pytest.param(LARGE, marks=pytest.mark.lengthy)], ids=["6 MB", "700 MB"])
def test_two_edges_over_cut_lines_end_with_the_site(
    site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path, sizes: Sizes
) -> None:
    near = Near(tmp_path / "near", site_key, upstream_key)
    with_edges(near, *CHANNELS)
    site = near.project.base / "site"
    near.publish(deb_of("small"))
    near.project.run("promote", "dev", "prod")
    one, two = (edge_in(tmp_path / name, site_key, upstream_key, CHANNELS) for name in ("one", "two"))
    with Server(site) as web, Server(one.base / "site") as second:
        one.run("edge", web.url)
        two.run("edge", second.url)
        near.publish(*(deb_of(f"large{number}", size=sizes.size) for number in range(sizes.debs)))
        near.project.run("promote", "dev", "prod")
        whole = sum(file.stat().st_size for file in (site / "dev").rglob("large*.deb"))
        lines = {"most": sizes.most, "rate": sizes.rate}
        with cut_line(web.url, **lines, seed=1) as first, cut_line(second.url, **lines, seed=2) as far:
            work = [
                threading.Thread(target=_until_there, args=(edge, line, site, sizes.kills))
                for edge, line in ((one, first), (two, far))
            ]
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
        root = AptRoot(tmp_path / "root")
        with Server(two.base / "site" / "prod") as shown:
            root.add_source(f"{shown.url}/apt/up/", two.base / "site/prod/keys/site.gpg")
            root.update()
            root.install("large0")
    assert root.status("large0") == "install ok installed"
    for edge, line in ((one, first), (two, far)):
        for name in CHANNELS:
            assert files(edge.base / "site" / name) == files(site / name)
        assert edge.run("verify", "--json").json["faults"] == []
        print(f"{edge.base.name}: {line.cuts} cuts, {line.sent} of {whole} bytes: {line.sent / whole:.3f}")
        assert line.cuts > sizes.debs
        assert line.sent < 1.2 * whole, "what has arrived is not sent again"


def _until_there(edge: Far, line: CutLine, site: Path, kills: int) -> None:
    """Follow again and again, killed now and then, until an edge shows what the site shows."""
    chance, end = random.Random(edge.base.name), time.monotonic() + 900
    while channels_of(edge.base / "site") != channels_of(site) and time.monotonic() < end:
        child = edge.start("edge", line.url, "--wait", "0")
        if kills:
            kills -= 1
            time.sleep(1 + chance.random())
            child.kill()
        child.communicate()
