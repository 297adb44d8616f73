"""Locking conda environments from a channel of conda-forge's size beside py-rattler's own gateway and solver.

The channel is made up: 600,000 packages of 25,000 names, in all forms of the index; three environments for three
platforms, each with a driver and without, are 18 solutions. rattler reads shards and trusts them; here each is held to
the hash that its index gives, every record is checked, and a lock is written. Both sides are measured from the start of
their process to its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from simulator.conda_forge import ENVIRONMENTS, LARGE, PLATFORMS, Size, some_packages, write_channel
from simulator.process import clean_env
from simulator.server import Server

from bench.measure import Measured, cudepot
from bench.rows import Row
from cudepot.digest import Digest
from cudepot.kinds.conda.mirrored import Mirrored
from cudepot.kinds.conda.publish import conda_tree
from cudepot.store.local import LocalStore

_CHILD = Path(__file__).with_name("conda_child.py")
_INDEXES = {
    "shards": ("repodata_shards.msgpack.zst",),
    "zst": ("repodata.json.zst", "run_exports.json.zst"),
    "plain": ("repodata.json", "run_exports.json"),
}
_DRIVERS = ("", "12.9")
_NAME = "conda-forge"
_CLOSED = 400
_ROUNDS = {"shards": 3}
"""How often both sides are measured in turn, where more than once."""


class _Peer(NamedTuple):
    """What rattler took: seconds of the whole process, memory in 10^6 bytes, requests and bytes."""

    seconds: float
    rss_mb: float
    asked: tuple[int, int]


def run(folder: Path, size: Size = LARGE) -> list[Row]:
    """18 solutions from 600,000 records, read as shards, compressed and plain: cold, again, nothing changed."""
    write_channel(folder / "channel", size)
    rows = []
    for form in _INDEXES:
        with _served(folder / "channel", form) as server:
            rows += _rows(folder / form, form, server)
    return [*rows, _closed(folder / "closed")]


def _closed(folder: Path) -> Row:
    """Write the index of a closed channel in all its forms, as `publish` does; none of its packages is in the store."""
    mirrored = [
        Mirrored(PLATFORMS[0], filename, Digest(record["sha256"], record["size"]), record, exports)
        for filename, record, exports in some_packages(_CLOSED)
    ]
    store = LocalStore(folder, create=True)
    start = time.perf_counter()
    with store.gathering():
        conda_tree(store, "conda/main/", [], [], mirrored=mirrored)
    return Row("conda", f"closed channel of {_CLOSED} records written", time.perf_counter() - start)


@contextmanager
def _served(root: Path, form: str) -> Iterator[Server]:
    """Serve a channel that has one form of the index."""
    with Server(root) as server:
        for other, names in _INDEXES.items():
            for name in names if other != form else ():
                server.missing(f"/*/{name}")
        yield server


def _rows(folder: Path, form: str, server: Server) -> list[Row]:
    cold, again, same, peers, warm, counts = [], [], [], [], [], []
    for turn in range(_ROUNDS.get(form, 1)):
        place = folder / str(turn)
        project = _project(place / "ours", server.url)
        peers.append(_peer(place / "rattler", form, server))
        warm.append(_peer(place / "rattler", form, server))
        for taken, options in ((cold, ()), (same, ()), (again, ("--upgrade",))):
            _asked(server)
            taken.append(cudepot(project, "lock", *options))
            counts.append(_asked(server))
    first, unchanged, _ = counts[:3]
    return [
        _row(f"{form}, cold, {_mb(first)}", cold, peers, first),
        _row(f"{form}, solved again", again, warm, unchanged),
        _row(f"{form}, nothing changed, {_mb(unchanged)}", same, warm, unchanged),
    ]


def _mb(asked: tuple[int, int]) -> str:
    return f"{asked[1] / 1e6:.1f} MB"


def _row(work: str, taken: list[Measured], peers: list[_Peer], asked: tuple[int, int]) -> Row:
    best = min(peers)
    name = f"py-rattler ({max(one.rss_mb for one in peers):.0f} MB)"
    memory, child = max(one.rss_mb for one in taken), max(one.child_rss_mb for one in taken)
    seconds = min(one.seconds for one in taken)
    return Row("conda", work, seconds, {name: best.seconds}, 0.0, memory, child, asked[0], {name: best.asked[0]})


def _project(folder: Path, url: str) -> Path:
    folder.mkdir(parents=True)
    cudepot(folder, "init", "--label", "bench")
    toml = folder / "cudepot.toml"
    sections = [f'[[upstream]]\nname = "{_NAME}"\ntype = "conda"\nurl = "{url}/"\n']
    for name, specs in ENVIRONMENTS.items():
        for cuda in _DRIVERS:
            driver = {"cuda": cuda} if cuda else {}
            said = {"name": f"{name}-gpu" if cuda else name, "platforms": PLATFORMS, "conda": specs, **driver}
            sections.append("[[environment]]\n" + "".join(f"{key} = {json.dumps(one)}\n" for key, one in said.items()))
    toml.write_text("\n".join([toml.read_text(), *sections]))
    return folder


def _peer(cache: Path, form: str, server: Server) -> _Peer:
    """Have rattler do the same with this cache."""
    targets = [
        {"platform": platform, "specs": specs, "virtual": _machine(platform, cuda)}
        for specs in ENVIRONMENTS.values()
        for cuda in _DRIVERS
        for platform in PLATFORMS
    ]
    cache.mkdir(parents=True, exist_ok=True)
    job = json.dumps({"channel": f"{server.url}/", "cache": str(cache), "form": form, "targets": targets})
    _asked(server)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, _CHILD], input=job, env=clean_env(HOME=str(cache)), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr)
    result = json.loads(done.stdout)
    return _Peer(seconds, result["rss_mb"], _asked(server))


def _machine(platform: str, cuda: str) -> dict[str, str]:
    """Return the virtual packages of a machine, as locks have them."""
    linux = {"__unix": "0", "__linux": "5.10", "__glibc": "2.28"}
    system = linux if platform.startswith("linux") else {"__win": "0"}
    return {"__archspec": "1", **system, **({"__cuda": cuda} if cuda else {})}


def _asked(server: Server) -> tuple[int, int]:
    """Return how many requests there were since this was last asked, and how many bytes went out for them."""
    sent = [one.path for one in server.requests if one.method == "GET" and one.status == 200]
    count = len(server.requests)
    server.forget()
    return count, sum((server.root / path.lstrip("/")).stat().st_size for path in sent)
