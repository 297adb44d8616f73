"""An apt mirror of 2,000 packages (742 MB) against aptly, debmirror, apt-mirror, apt-mirror2, reprepro and curl.

Everybody fetches from the same nginx on loopback, in turn, and the medians count. cudepot runs all its verbs:
``sync --lock`` (every byte hashed while it arrives, every file synced to disk) and ``publish``.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.upstream.keys import KeyHome

from bench.apt_peers import Peer, Peers, seconds
from bench.apt_world import PINNED, World, free_place, make_world, nginx, place_url, wait_for
from bench.measure import Measured, cudepot
from bench.rows import Row

ROUNDS = 2
ROUND_TRIP_MS = 20
_STANZAS = """
import hashlib, sys, time
from cudepot.catalog.closure import DebPin, select
from cudepot.formats.apt import PackageIndex, render_packages
text = b"\\n".join(
    (f"Package: p{n}\\nVersion: 1.{n % 7}-1\\nArchitecture: amd64\\nDepends: " + ", ".join(f"p{n + k}" for k in (1, 2))
     + f"\\nFilename: ./p{n}.deb\\nSize: {n}\\nSHA256: {hashlib.sha256(b'%d' % n).hexdigest()}\\nDescription: p{n}\\n"
       + " and what it does\\n" * 12).encode() for n in range(20002))
start = time.perf_counter()
index = PackageIndex(text, "bench")
wanted = [DebPin("p0", "*")]  # every package depends on the next two
chosen = [one for one, _ in select(index, wanted, ("amd64",)).chosen.values()]
render_packages([one.fields for one in chosen])
print(time.perf_counter() - start, len(chosen))
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def run(folder: Path) -> list[Row]:
    """Full mirror, no change, three pins, 20 ms round trip, 20,000 stanzas: cudepot against the peers installed."""
    with KeyHome() as keys:
        world = make_world(folder, keys)
        with nginx(world.root, folder) as url, delayed(url) as far:
            return [
                *_full_and_again(world, url, folder),
                _pinned(world, url, folder),
                *_far(world, far, folder),
                _stanzas(),
            ]


@contextlib.contextmanager
def delayed(url: str) -> Iterator[str]:
    """Give the URL of a relay in front of ``url`` that adds the round trip."""
    (host, port), near = free_place("127.0.0.3"), urlsplit(url)
    to = (str(near.hostname), str(near.port or 80))
    command = [sys.executable, "-m", "bench.delay", host, str(port), *to, str(ROUND_TRIP_MS)]
    relay = subprocess.Popen(command)
    try:
        wait_for(host, port)
        yield place_url(host, port)
    finally:
        relay.terminate()
        relay.wait()


class Ours:
    """cudepot in a project of its own, its runs noted."""

    def __init__(self, world: World, url: str, folder: Path, section: str) -> None:
        self.world, self.url, self.section = world, url, section
        self.top, self.folder, self.round = Path(tempfile.mkdtemp(prefix="ours-", dir=folder)), folder, 0
        self.runs: list[Measured] = []

    def clear(self) -> None:
        """Begin with an empty project.

        A new folder each time: ext4 spends a quarter of the time after a large removal on not using its inodes.
        """
        self.round += 1
        self.folder = self.top / str(self.round)
        self.folder.mkdir(parents=True)
        cudepot(self.folder, "init", "--label", "bench")
        toml = self.folder / "cudepot.toml"
        keys = f'keys = ["{self.world.fingerprint}"]\nkeyrings = ["{self.world.keyring}"]\n'
        head = f'\n[[upstream]]\nname = "flat"\ntype = "apt"\nurl = "{self.url}/flat/"\n{keys}'
        toml.write_text(toml.read_text() + head + self.section)

    def fetch(self) -> None:
        """Lock and sync in one run: what aptly calls to update a mirror."""
        self.runs.append(cudepot(self.folder, "sync", "--lock", "-q"))

    def all(self) -> None:
        """Every verb up to the site."""
        self.fetch()
        self.runs.append(cudepot(self.folder, "publish", "-q"))

    def row(self, work: str, ours: float, peers: dict[str, float], limit: float = 0.0) -> Row:
        """Return the row of a piece of work, with the peak of all runs since the last row."""
        rss, child = max(one.rss_mb for one in self.runs), max(one.child_rss_mb for one in self.runs)
        self.runs.clear()
        return Row("apt", work, ours, peers, limit, rss, child)


def _full_and_again(world: World, url: str, folder: Path) -> Iterator[Row]:
    ours, peers = Ours(world, url, folder, "whole = true\n"), Peers(world, url, folder / "peers")
    works: dict[str, Peer] = {"": ours.fetch, **peers.full()}
    times = _alternating(works, ours, peers)
    yield ours.row("full mirror: sync --lock", times.pop(""), times, _hash_seconds(world))
    publish = seconds(lambda: ours.runs.append(cudepot(ours.folder, "publish", "-q")))
    yield ours.row("full mirror: publish", publish, {})
    again = _medians({"": [], **{name: [] for name in peers.again()}}, {"": ours.fetch, **peers.again()})
    yield ours.row("no change: sync --lock", again.pop(""), again)
    yield ours.row("no change: lock", *_once(ours, "lock"))


def _once(ours: Ours, verb: str) -> tuple[float, dict[str, float]]:
    return statistics.median(
        seconds(lambda: ours.runs.append(cudepot(ours.folder, verb, "-q"))) for _ in range(ROUNDS)
    ), {}


def _pinned(world: World, url: str, folder: Path) -> Row:
    pins = f'\n[[pin]]\nupstream = "flat"\npackages = {list(PINNED)}\n'.replace("'", '"')
    ours, peers = Ours(world, url, folder, pins), Peers(world, url, folder / "peers")
    times = _alternating({"": ours.fetch, **peers.pinned()}, ours, peers)
    return ours.row("three pins and dependencies, 54 MB", times.pop(""), times)


def _far(world: World, url: str, folder: Path) -> Iterator[Row]:
    ours, peers = Ours(world, url, folder, "whole = true\n"), Peers(world, url, folder / "peers")
    works = {name: work for name, work in peers.full().items() if name != "debmirror"}  # a minute, one file at a time
    times = _alternating({"": ours.fetch, **works}, ours, peers, rounds=2)
    yield ours.row(f"full mirror, {ROUND_TRIP_MS} ms round trip", times.pop(""), times)


def _alternating(works: dict[str, Peer], ours: Ours, peers: Peers, *, rounds: int = ROUNDS) -> dict[str, float]:
    """Do every piece of work in turn, from nothing, ``rounds`` times; return the medians."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        ours.clear()
        peers.clear()
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(found) for name, found in times.items()}


def _medians(times: dict[str, list[float]], works: dict[str, Peer]) -> dict[str, float]:
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(found) for name, found in times.items()}


def _hash_seconds(world: World) -> float:
    """Hash all packages with sha256sum, two at a time: what verifying cannot do without."""
    start = time.perf_counter()
    names = "\0".join(str(world.root / "flat" / deb) for deb in world.debs)
    command = ["xargs", "-0", "-P2", "-n200", "sha256sum"]
    subprocess.run(command, input=names, text=True, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _stanzas() -> Row:
    command = [sys.executable, "-c", _STANZAS]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return Row("apt", "20,000 stanzas parsed, selected, rendered", float(done[0]), rss_mb=int(done[2]) * 1024 / 1e6)
