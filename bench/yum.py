"""A yum mirror of 600 signed rpms (247 MB) against dnf's reposync and download.

Everybody fetches from the same nginx on loopback, in turn, and the medians count. reposync checks hashes, with
``--gpgcheck`` header signatures too; cudepot always checks both, and the signature of the metadata.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from simulator.keys import KeyHome

from bench.apt_world import nginx
from bench.rounds import ROUND_TRIP_MS, Ours, Peer, alternating, delayed, rounds_for, seconds
from bench.rows import Row, rows_of
from bench.yum_peers import DnfPeers
from bench.yum_world import PACKAGES, PINNED, TOTAL, YumWorld, access_log, make_yum_world

_PRIMARY = """
import gc, hashlib, io, sys, time
from cudepot.catalog.config.config import Pin
from cudepot.catalog.lock import Artifact
from cudepot.kinds.yum.rules.closure import Machine, select_rpms
from cudepot.kinds.yum.rules.pins import Rpms, rpm_pins
from cudepot.kinds.yum.rules.plan import primary_entries
from cudepot.digest import Digest
from cudepot.formats.primary import read_primary
ENTRY = '''<package type="rpm"><name>p{n}</name><arch>x86_64</arch><version epoch="0" ver="1.{v}" rel="1"/>
<checksum type="sha256" pkgid="YES">{sha}</checksum><summary>p{n}</summary><description>p{n}{more}</description>
<packager/><url>https://example.com</url><time file="1" build="1"/><size package="9{n}" installed="2" archive="3"/>
<location href="p{n}-1.{v}-1.x86_64.rpm"/><format><rpm:license>x</rpm:license><rpm:vendor>x</rpm:vendor>
<rpm:group>x</rpm:group><rpm:buildhost>x</rpm:buildhost><rpm:sourcerpm>p{n}.src.rpm</rpm:sourcerpm>
<rpm:header-range start="4504" end="9000"/><rpm:provides><rpm:entry name="p{n}" flags="EQ" epoch="0" ver="1.{v}"
 rel="1"/></rpm:provides><rpm:requires><rpm:entry name="p{a}"/><rpm:entry name="p{b}"/><rpm:entry
 name="libc.so.6()(64bit)"/></rpm:requires></format></package>
'''
COUNT = 20000
def entry(n):
    sha = hashlib.sha256(b"%d" % n).hexdigest()
    more = " and what it does" * 40
    return ENTRY.format(n=n, v=n % 7, sha=sha, more=more, a=(n + 1) % COUNT, b=(n + 2) % COUNT)
text = ('<?xml version="1.0" encoding="UTF-8"?>' + chr(10)
    + '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
    + f' packages="{COUNT}">' + chr(10) + "".join(map(entry, range(COUNT))) + "</metadata>").encode()
gc.set_threshold(50_000)  # as the command line does
start = time.perf_counter()
rpms = list(read_primary(io.BytesIO(text), "bench"))
pins = rpm_pins(Pin("bench", ("p0",)), ("x86_64",), Rpms(rpms))  # every package needs the next two
chosen = [one for one, _ in select_rpms([Machine("x86_64", rpms, pins, ())]).chosen.values()]
artifacts = {one.promised.sha256: Artifact("bench", "rpm", one.name, one.evr, one.architecture, one.path, one.path,
    one.promised, "pin", ("mirror",)) for one in chosen}
size = sum(map(len, primary_entries(io.BytesIO(text), artifacts, "bench")))
print(time.perf_counter() - start, len(chosen))
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


FULL, PUBLISH, AGAIN = "full mirror: sync --lock", "full mirror: publish", "no change: sync --lock"
PINS, FAR = "three pins and dependencies", f"full mirror, {ROUND_TRIP_MS} ms round trip"
FAR_PINS = f"{PINS}, {ROUND_TRIP_MS} ms"
PRIMARY = "20,000 of primary.xml read, selected, written"


def run(folder: Path, only: str = "", *, packages: int = PACKAGES, total: int = TOTAL) -> list[Row]:
    """Full mirror, no change, three pins, 20 ms round trip, 20,000 entries of primary.xml: cudepot against dnf.

    ``only`` is part of the names of the rows that are wanted.
    """
    with KeyHome() as keys:
        world = make_yum_world(folder, keys, packages=packages, total=total)
        with nginx(world.root, folder) as url, delayed(url) as far:
            parts: dict[tuple[str, ...], Callable[[], Iterable[Row]]] = {
                (FULL, PUBLISH, AGAIN): lambda: _full_and_again(world, url, folder, only),
                (PINS,): lambda: [_pinned(world, url, folder, PINS)],
                (FAR,): lambda: [_far(world, far, folder)],
                (FAR_PINS,): lambda: [_pinned(world, far, folder, FAR_PINS)],
                (PRIMARY,): lambda: [_primary()],
            }
            return rows_of(parts, only)


def _ours(world: YumWorld, url: str, folder: Path, section: str) -> Ours:
    keys = f'keys = ["{world.fingerprint}"]\nkeyrings = ["{world.armored}"]\n'
    return Ours("yum", folder, f'\n[[upstream]]\nname = "cuda"\ntype = "yum"\nurl = "{url}/yum/"\n{keys}{section}')


def _full_and_again(world: YumWorld, url: str, folder: Path, only: str) -> Iterator[Row]:
    ours, peers = _ours(world, url, folder, "whole = true\n"), DnfPeers(world, url, folder)
    works: dict[str, Peer] = {"": ours.fetch, **peers.full()}
    times = alternating(works, (ours, peers), rounds=rounds_for(only, FULL))
    yield ours.row(FULL, times.pop(""), times)
    yield ours.row(PUBLISH, seconds(lambda: ours.do("publish")), {})
    works = {"": ours.fetch, **peers.again()}
    again = alternating(works)
    counts = {name: _requests(work, folder) for name, work in works.items()}
    yield ours.row(AGAIN, again.pop(""), again, requests=counts.pop(""), peer_requests=counts)


def _requests(work: Peer, folder: Path) -> int:
    before = access_log(folder)
    work()
    return access_log(folder) - before


def _pinned(world: YumWorld, url: str, folder: Path, what: str) -> Row:
    pins = f'\n[[pin]]\nupstream = "cuda"\npackages = {list(PINNED)}\n'.replace("'", '"')
    ours, peers = _ours(world, url, folder, pins), DnfPeers(world, url, folder)
    times = alternating({"": ours.fetch, **peers.pinned()}, (ours, peers))
    return ours.row(what, times.pop(""), times)


def _far(world: YumWorld, url: str, folder: Path) -> Row:
    ours, peers = _ours(world, url, folder, "whole = true\n"), DnfPeers(world, url, folder)
    times = alternating({"": ours.fetch, **peers.full()}, (ours, peers))
    return ours.row(FAR, times.pop(""), times)


def _primary() -> Row:
    done = subprocess.run([sys.executable, "-c", _PRIMARY], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = done.stdout.split()
    return Row("yum", PRIMARY, float(found[0]), rss_mb=int(found[2]) * 1024 / 1e6)
