"""An environment of 40 large packages of the archive that apt is configured for here, beside ``apt-get -s``.

apt has its lists already and fetches nothing; cudepot fetches and checks the indexes, solves, and asks the same
apt-get to confirm. ``nothing changed`` is the next ``lock``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from simulator.large_debs import NAMES

from bench.installed import LACKING
from bench.measure import Measured, cudepot
from bench.rows import Row

_FORMAT = "$(CREATED_BY)\t$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)"
_ROUNDS = 3


class Suite(NamedTuple):
    """A suite that apt is configured for."""

    url: str
    name: str
    component: str


def run(folder: Path) -> list[Row]:
    """All 40 in one environment: from nothing, and with nothing changed."""
    suites = _suites()
    if not suites:
        LACKING["an archive that apt has read"] = None
        return []
    cold, warm, peers = [], [], []
    for turn in range(_ROUNDS):
        project = _project(folder / f"debs-{turn}", suites)
        cold.append(cudepot(project, "lock"))
        warm.append(cudepot(project, "lock"))
        peers.append(_simulated())
    count = (project / "cudepot.lock").read_text().count("[[artifact]]")
    peer = {"apt-get -s": min(peers)}
    return [_row(f"40 packages, {count:,} debs", cold, peer), _row("40 packages, nothing changed", warm, peer)]


def _row(work: str, taken: list[Measured], peers: dict[str, float]) -> Row:
    memory, child = max(one.rss_mb for one in taken), max(one.child_rss_mb for one in taken)
    return Row("debs", work, min(one.seconds for one in taken), peers, 0.0, memory, child)


def _suites() -> list[Suite]:
    if not shutil.which("apt-get"):
        return []
    done = subprocess.run(["apt-get", "indextargets", "--format", _FORMAT], capture_output=True, text=True, check=False)
    found = (line.split("\t") for line in done.stdout.splitlines())
    every = dict.fromkeys(Suite(*one[1:]) for one in found if one[0] == "Packages")
    return list(every) if _keyrings() else []


def _keyrings() -> list[str]:
    """Return the distribution's own keyrings on this machine."""
    return sorted(map(str, Path("/usr/share/keyrings").glob("*-archive-keyring.gpg")))


def _project(folder: Path, suites: list[Suite]) -> Path:
    folder.mkdir(parents=True)
    cudepot(folder, "init", "--label", "bench")
    tables = [_upstream(f"u{number}", one) for number, one in enumerate(suites)]
    wanted = {"name": "all", "distribution": "here", "architectures": ["amd64"], "deb": NAMES}
    toml = folder / "cudepot.toml"
    toml.write_text(f"{toml.read_text()}\n{''.join(tables)}[[environment]]\n{_lines(wanted)}")
    return folder


def _upstream(name: str, suite: Suite) -> str:
    rings = _keyrings()
    keys = {"keys": [key for one in rings for key in _fingerprints(one)], "keyrings": rings}
    place = {"url": suite.url, "suites": [suite.name], "components": [suite.component]}
    return f"[[upstream]]\n{_lines({'name': name, 'type': 'apt', **place, **keys})}\n"


def _lines(values: dict[str, object]) -> str:
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def _fingerprints(keyring: str) -> list[str]:
    listed = subprocess.check_output(["gpg", "--show-keys", "--with-colons", keyring], text=True).splitlines()
    heads = [number for number, line in enumerate(listed) if line.startswith("pub:")]
    return [next(line for line in listed[at:] if line.startswith("fpr:")).split(":")[9] for at in heads]


def _simulated() -> float:
    """Return the seconds apt-get takes to say what it would install where nothing is."""
    options = ["-o", "Dir::State::status=/dev/null", "--no-install-recommends"]
    start = time.perf_counter()
    env = os.environ | {"LC_ALL": "C"}
    subprocess.run(["apt-get", "-s", *options, "install", *NAMES], env=env, capture_output=True, check=True)
    return time.perf_counter() - start
