"""What benches against peers share: cudepot in a project of its own, works done in turn, a round trip added."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from bench.apt_world import free_place, place_url, wait_for
from bench.measure import Measured, cudepot
from bench.rows import Row

ROUNDS, SHORT_ROUNDS = 2, 7
SHORT = 1.2  # seconds; works that take less are told apart by more rounds only
ROUND_TRIP_MS = 20

Peer = Callable[[], None]


class Clearable(Protocol):
    """Something that can begin anew."""

    def clear(self) -> None:
        """Begin with an empty folder."""


class Ours:
    """cudepot in a project of its own, its runs noted.

    Args:
        bench: name of the bench, for the rows.
        folder: where projects go.
        sections: what cudepot.toml has to say beyond the site.
    """

    def __init__(self, bench: str, folder: Path, sections: str) -> None:
        self.bench, self.sections = bench, sections
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
        toml.write_text(toml.read_text() + self.sections)

    def do(self, verb: str, *options: str) -> None:
        """Run one verb."""
        self.runs.append(cudepot(self.folder, verb, "-q", *options))

    def fetch(self) -> None:
        """Lock and sync in one run: what peers call to update a mirror."""
        self.do("sync", "--lock")

    def row(
        self,
        work: str,
        ours: float,
        peers: Mapping[str, float],
        limit: float = 0.0,
        *,
        requests: int = -1,
        peer_requests: Mapping[str, int] | None = None,
    ) -> Row:
        """Return the row of a piece of work, with the peak of all runs since the last row."""
        rss, child = max(one.rss_mb for one in self.runs), max(one.child_rss_mb for one in self.runs)
        self.runs.clear()
        return Row(self.bench, work, ours, peers, limit, rss, child, requests, peer_requests or {})


def seconds(work: Peer) -> float:
    """Return how long a piece of work takes; what was written before goes to the disk first, on nobody's account."""
    os.sync()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternating(
    works: Mapping[str, Peer], clear: tuple[Clearable, ...] = (), *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Do every piece of work in turn, ``rounds`` times, more often where all are short; return the medians.

    Args:
        works: what to do, by name.
        clear: what begins anew before each round.
        rounds: how often.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    done = 0
    while done < rounds or (done < SHORT_ROUNDS and rounds > 1 and _are_short(times)):
        for one in clear:
            one.clear()
        for name, work in works.items():
            times[name].append(seconds(work))
        done += 1
    return {name: statistics.median(found) for name, found in times.items()}


def _are_short(times: Mapping[str, list[float]]) -> bool:
    return all(min(found) < SHORT for found in times.values())


def rounds_for(only: str, work: str) -> int:
    """Return how often a piece of work is done that others build on: once where ``only`` asks for another row."""
    return ROUNDS if only in work else 1


@contextlib.contextmanager
def delayed(url: str, host: str = "127.0.0.3") -> Iterator[str]:
    """Give the URL of a relay in front of ``url`` that adds the round trip."""
    (host, port), near = free_place(host), urlsplit(url)
    to = (str(near.hostname), str(near.port or 80))
    command = [sys.executable, "-m", "bench.delay", host, str(port), *to, str(ROUND_TRIP_MS)]
    relay = subprocess.Popen(command)
    try:
        wait_for(host, port)
        yield place_url(host, port)
    finally:
        relay.terminate()
        relay.wait()
