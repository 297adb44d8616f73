"""How cost grows with the work: processor seconds of every step at three sizes, and the exponent between them."""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.server import Server

from bench import scale_world as world
from bench.apt_world import nginx
from bench.measure import cudepot
from bench.scale_store import CHANNELS, SNAPSHOTS, out_of_the_store, used_store
from cudepot.digest import Digest
from cudepot.formats.conda_index import IndexedPackage, channel_files

SIZES = (1_000, 4_000, 16_000)
LARGE = (1_000, 10_000, 100_000)
MOST = 1.1
"""The largest exponent: cost grows no faster than the work."""
_ASKED = (
    ("status",), ("publish",), ("gc", "-n"), ("lock",), ("sync",), ("run",), ("channels",), ("snapshots",), ("verify",),
)  # fmt: skip
"""What is asked of a store that has been used for years, of which none changes anything."""
_ROUNDS = 3
"""Times that a step is taken, once where that takes long; the least counts, for whatever else is going on only adds."""
_LONG = 10_000  # things of which each step takes long
_SURE = 1.0  # processor seconds below which a step says nothing about growth: starting takes a good part of them


@dataclass
class Curve:
    """One step: processor seconds, peak memory (10^6 bytes) and seconds on the clock by size."""

    step: str
    cpu_s: dict[int, float] = field(default_factory=dict)
    rss_mb: dict[int, float] = field(default_factory=dict)
    wall_s: dict[int, float] = field(default_factory=dict)

    @property
    def exponent(self) -> float:
        """How cost grows between the two largest sizes: 1 with the work, 2 with its square."""
        (few, less), (many, more) = sorted(self.cpu_s.items())[-2:]
        return math.log(max(more, 1e-9) / max(less, 1e-9)) / math.log(many / few)

    @property
    def grows_too_fast(self) -> bool:
        """Return whether the cost grows faster than the work, as far as that can be told."""
        return self.exponent > MOST and max(self.cpu_s.values()) > _SURE

    def as_json(self) -> dict[str, object]:
        """Return the curve as it is printed by ``--json``."""
        return {
            "bench": "scale",
            "step": self.step,
            "cpu_s": {str(size): round(one, 3) for size, one in self.cpu_s.items()},
            "wall_s": {str(size): round(one, 3) for size, one in self.wall_s.items()},
            "rss_mb": {str(size): round(one) for size, one in self.rss_mb.items()},
            "exponent": round(self.exponent, 2),
            "good": not self.grows_too_fast,
        }


class _Scale:
    def __init__(self, folder: Path, keys: KeyHome, key: Key, snapshots: int) -> None:
        self._folder, self._keys, self._key, self._snapshots = folder, keys, key, snapshots
        self._ring = folder / "upstream.asc"
        self._ring.write_bytes(key.armored)
        self.curves: dict[str, Curve] = {}

    def measure(self, size: int, rounds: int) -> None:
        """Take every step at one size, so many times."""
        steps: tuple[Callable[[Path, int], None], ...] = (
            self._whole, self._versions, self._pins, self._wheels, self._conda, self._used,
        )  # fmt: skip
        for step in steps:
            for _ in range(rounds):
                with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                    step(Path(folder), size)

    def _note(self, step: str, size: int, cpu_s: float, rss_mb: float = 0.0, wall_s: float = 0.0) -> None:
        curve = self.curves.setdefault(step, Curve(step))
        curve.wall_s[size] = min(wall_s, curve.wall_s.get(size, wall_s))
        curve.cpu_s[size] = min(cpu_s, curve.cpu_s.get(size, cpu_s))
        curve.rss_mb[size] = max(rss_mb, curve.rss_mb.get(size, 0.0))
        print(f"{step}, {size}: {cpu_s:.2f} s", file=sys.stderr)

    def _verb(self, step: str, size: int, project: Path, *words: str) -> None:
        done = cudepot(project, *words)
        self._note(step, size, done.cpu_s, max(done.rss_mb, done.child_rss_mb), done.seconds)

    def _whole(self, folder: Path, size: int) -> None:
        """Mirror an apt repository whole."""
        world.many_debs(folder / "www/repo", self._keys, self._key, size)
        with nginx(folder / "www", folder) as url:
            text = world.apt_text(f"{url}/repo/", self._ring, self._key, None)
            project = world.project(folder / "project", text)
            for verb in ("lock", "sync", "publish"):
                self._verb(f"whole apt: {verb}", size, project, verb)
            for verb in ("sync", "publish", "verify"):
                self._verb(f"whole apt, nothing new: {verb}", size, project, verb)

    def _versions(self, folder: Path, size: int) -> None:
        """Pin all versions of a program, each of which needs its own version of a library."""
        self._pinned("apt: closure over N versions (H2)", folder, size, ["app=*"])

    def _pins(self, folder: Path, size: int) -> None:
        self._pinned("apt: N pins of one name (H3)", folder, size, [f"lib=1.{number}" for number in range(size)])

    def _pinned(self, step: str, folder: Path, size: int, packages: list[str]) -> None:
        world.many_versions(folder / "www/repo", self._keys, self._key, size)
        with nginx(folder / "www", folder) as url:
            text = world.apt_text(f"{url}/repo/", self._ring, self._key, packages)
            self._verb(step, size, world.project(folder / "project", text), "lock")

    def _used(self, folder: Path, size: int) -> None:
        """Ask a store of so many objects and hundreds of snapshots what changes nothing, and promote one."""
        with used_store(folder, self._keys, self._key, size, self._snapshots) as project:
            first, last, file = str(self._snapshots - 1), str(self._snapshots), str(folder / "x.tar")
            more = (
                ("diff", first, last),
                ("rollback", "-n", first),
                ("bundle", "export", "-n", file, "--since", first),
            )
            for words in (*_ASKED, ("promote", *CHANNELS[:2]), *more):
                name = " ".join(one for one in words[:3] if not one.isdecimal())
                self._verb(f"N objects, {self._snapshots} snapshots: {name}", size, project, *words)
            out_of_the_store(project)
            words = ("promote", CHANNELS[0], CHANNELS[2])
            self._verb(f"N objects, {self._snapshots} snapshots: promote, out of the store", size, project, *words)

    def _wheels(self, folder: Path, size: int) -> None:
        world.wheel_page(folder / "www", size)
        with Server(folder / "www") as server:
            text = f'\n[[upstream]]\nname = "u"\ntype = "simple"\nurl = "{server.url}/simple/"\n'
            text += world.pins(f"p==1.{number}" for number in range(size))
            self._verb("wheels: N pins on one page (H1)", size, world.project(folder / "project", text), "lock")

    def _conda(self, _: Path, size: int) -> None:
        """Write the indexes of a channel of many names."""
        packages = [_package(f"package{number}") for number in range(size)]
        start = time.process_time()
        channel_files(packages)
        self._note("conda: index of N names (H4)", size, time.process_time() - start)


def _package(name: str) -> IndexedPackage:
    digest = Digest(hashlib.sha256(name.encode()).hexdigest(), 9)
    index = {"name": name, "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "linux-64"}
    return IndexedPackage("linux-64", f"{name}-1.0-0.conda", digest, index)


def curves(folder: Path, sizes: Sequence[int], rounds: int = _ROUNDS, snapshots: int = SNAPSHOTS) -> list[Curve]:
    """Measure every step at each size; ``snapshots`` are those of a store that has been used for years."""
    with KeyHome() as keys:
        scale = _Scale(folder, keys, keys.generate("Scale <scale@example.com>"), snapshots)
        for size in sizes:
            scale.measure(size, 1 if size >= _LONG else rounds)
    return list(scale.curves.values())


def table(found: Sequence[Curve]) -> str:
    """Return the curves as a table for people."""
    sizes = list(found[0].cpu_s)
    lines = [f"{'processor seconds':42}" + "".join(f"{size:>11,}" for size in sizes) + "   exponent   peak"]
    for one in found:
        cells = "".join(f"{one.cpu_s[size]:9.2f} s" for size in sizes)
        fast = "  too fast" if one.grows_too_fast else ""
        lines.append(f"{one.step:42}{cells}{one.exponent:11.2f} {max(one.rss_mb.values()):4.0f} MB{fast}")
    return "\n".join(lines)


def main(folder: Path, *, as_json: bool, large: bool) -> int:
    """Run the bench, ``large`` with up to 100,000 packages; return 1 where a step grows faster than the work."""
    found = curves(folder, LARGE if large else SIZES)
    print("\n".join(json.dumps(one.as_json()) for one in found) if as_json else table(found))
    return int(any(one.grows_too_fast for one in found))
