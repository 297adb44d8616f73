"""An edge catches up 700 MB of a site: everything checked and published, beside curl, which checks nothing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from simulator.keys import KeyHome
from simulator.server import Server
from simulator.sides import Far, Near, deb_of
from simulator.site_key import SiteKey

from bench.installed import installed
from bench.measure import Measured, cudepot, timed
from bench.rows import Row

FILES, SIZE = 14, 50_000_000


def run(folder: Path) -> list[Row]:
    """A site of one small package, then fourteen of 50 MB more; and an edge that asks again."""
    if not installed("curl"):
        return []
    with KeyHome() as site, KeyHome() as upstream:
        keys = upstream, upstream.generate("upstream <upstream@example.com>")
        key = site.generate("site <site@example.com>")
        (folder / "site.gpg").write_bytes(key.binary)
        (folder / "site.asc").write_bytes(key.armored)
        site_key = SiteKey(site.path, key, folder / "site.gpg", folder / "site.asc")
        near = Near(folder / "near", site_key, keys)
        _with_edges(near.project.toml)
        near.publish(deb_of("small"))
        edge = Far(folder / "edge", site_key.key_file, keys[1].fingerprint).init()
        with Server(near.project.site) as web:
            cudepot(edge.base, "edge", web.url)
            near.publish(*(deb_of(f"large{number}", size=SIZE) for number in range(FILES)))
            peer = _curl(folder / "curl", web.url, near)
            took = cudepot(edge.base, "edge", web.url)
            again = cudepot(edge.base, "edge", web.url)
    return [
        _row("edge, 700 MB in 14 debs to catch up", took, {"curl": peer}),
        _row("edge, nothing new", again, {}),
    ]


def _row(work: str, took: Measured, peers: dict[str, float]) -> Row:
    return Row("edge", work, took.seconds, peers, rss_mb=took.rss_mb, child_rss_mb=took.child_rss_mb)


def _with_edges(toml: Path) -> None:
    toml.write_text(re.sub(r"^\[site\]$", "[site]\nedges = true", toml.read_text(), flags=re.MULTILINE))


def _curl(folder: Path, url: str, near: Near) -> float:
    """Return the seconds curl takes for the same debs, all at a time, and to bring them to the disk."""
    folder.mkdir()
    debs = [str(one.relative_to(near.project.site)) for one in near.project.site.rglob("large*.deb")]
    words = [word for one in debs for word in ("-o", str(folder / Path(one).name), f"{url}/{one}")]
    seconds = timed("sh", "-c", 'curl -sf --parallel "$@" && sync -f "$0"', str(folder), *words)
    shutil.rmtree(folder)
    return seconds
