"""An apt mirror of 2,000 packages (742 MB) against aptly, debmirror, apt-mirror, apt-mirror2, reprepro and curl.

Everybody fetches from the same nginx on loopback, in turn, and the medians count. cudepot runs all its verbs:
``sync --lock`` (every byte hashed while it arrives, every file synced to disk) and ``publish``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from simulator.keys import KeyHome

from bench.apt_peers import Peers
from bench.apt_world import PINNED, World, make_world, nginx
from bench.rounds import ROUND_TRIP_MS, Ours, Peer, alternating, delayed, rounds_for, seconds
from bench.rows import Row, rows_of

_STANZAS = """
import gc, hashlib, sys, time
from cudepot.kinds.apt.rules.closure import DebPin, select
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.installable import Wishes
from cudepot.formats.apt import PackageIndex, render_packages
text = b"\\n".join(
    (f"Package: p{n}\\nVersion: 1.{n % 7}-1\\nArchitecture: amd64\\nDepends: " + ", ".join(f"p{n + k}" for k in (1, 2))
     + f"\\nFilename: ./p{n}.deb\\nSize: {n}\\nSHA256: {hashlib.sha256(b'%d' % n).hexdigest()}\\nDescription: p{n}\\n"
       + " and what it does\\n" * 12).encode() for n in range(20002))
gc.set_threshold(50_000)  # as the command line does
start = time.perf_counter()
index = PackageIndex(text, "bench")
wanted = [DebPin("p0", "*")]  # every package depends on the next two
chosen = [one for one, _ in select(Offers([index]), Wishes("bench", wanted, ("amd64",))).chosen.values()]
render_packages([one.fields for one in chosen])
print(time.perf_counter() - start, len(chosen))
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


FULL, PUBLISH, AGAIN, LOCK = (
    "full mirror: sync --lock",
    "full mirror: publish",
    "no change: sync --lock",
    "no change: lock",
)
PINS, FAR = "three pins and dependencies, 54 MB", f"full mirror, {ROUND_TRIP_MS} ms round trip"
STANZAS = "20,000 stanzas parsed, selected, rendered"


def run(folder: Path, only: str = "") -> list[Row]:
    """Full mirror, no change, three pins, 20 ms round trip, 20,000 stanzas: cudepot against the peers installed.

    ``only`` is part of the names of the rows that are wanted.
    """
    with KeyHome() as keys:
        world = make_world(folder, keys)
        with nginx(world.root, folder) as url, delayed(url) as far:
            parts: dict[tuple[str, ...], Callable[[], Iterable[Row]]] = {
                (FULL, PUBLISH, AGAIN, LOCK): lambda: _full_and_again(world, url, folder, only),
                (PINS,): lambda: [_pinned(world, url, folder)],
                (FAR,): lambda: [_far(world, far, folder)],
                (STANZAS,): lambda: [_stanzas()],
            }
            return rows_of(parts, only)


def _ours(world: World, url: str, folder: Path, section: str) -> Ours:
    keys = f'keys = ["{world.fingerprint}"]\nkeyrings = ["{world.keyring}"]\n'
    return Ours("apt", folder, f'\n[[upstream]]\nname = "flat"\ntype = "apt"\nurl = "{url}/flat/"\n{keys}{section}')


def _full_and_again(world: World, url: str, folder: Path, only: str) -> Iterator[Row]:
    ours, peers = _ours(world, url, folder, "whole = true\n"), Peers(world, url, folder / "peers")
    works: dict[str, Peer] = {"": ours.fetch, **peers.full()}
    times = alternating(works, (ours, peers), rounds=rounds_for(only, FULL))
    yield ours.row(FULL, times.pop(""), times, _hash_seconds(world))
    publish = seconds(lambda: ours.do("publish"))
    yield ours.row(PUBLISH, publish, {})
    again = alternating({"": ours.fetch, **peers.again()})
    yield ours.row(AGAIN, again.pop(""), again)
    yield ours.row(LOCK, alternating({"": lambda: ours.do("lock")})[""], {})


def _pinned(world: World, url: str, folder: Path) -> Row:
    pins = f'\n[[pin]]\nupstream = "flat"\npackages = {list(PINNED)}\n'.replace("'", '"')
    ours, peers = _ours(world, url, folder, pins), Peers(world, url, folder / "peers")
    times = alternating({"": ours.fetch, **peers.pinned()}, (ours, peers))
    return ours.row(PINS, times.pop(""), times)


def _far(world: World, url: str, folder: Path) -> Row:
    ours, peers = _ours(world, url, folder, "whole = true\n"), Peers(world, url, folder / "peers")
    works = {name: work for name, work in peers.full().items() if name != "debmirror"}  # a minute, one file at a time
    times = alternating({"": ours.fetch, **works}, (ours, peers))
    return ours.row(FAR, times.pop(""), times)


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
    return Row("apt", STANZAS, float(done[0]), rss_mb=int(done[2]) * 1024 / 1e6)
