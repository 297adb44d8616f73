"""Locking environments of wheels beside ``uv lock`` in the same minute: a team's on loopback, or real ones.

Plain uv looks at neither hashes nor a target's glibc, and of what it locks a third of the files fit no target; the
peers' times are for the resolving alone. ``--index`` takes real packages from the index this machine's pip uses.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulator.ml_team import PYPI, TORCH, MlTeam

from bench.main_job import pip_index_url
from bench.measure import Measured, cudepot
from bench.rows import Row

_MARKERS = {
    "linux-64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux-aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "win-64": "sys_platform == 'win32' and platform_machine == 'AMD64'",
}
_BIG = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "transformers", "jupyterlab")


@dataclass(frozen=True)
class Case:
    """What is to be locked.

    Attributes:
        indexes: upstream → URL; the first has all that ``owned`` gives to no other.
        owned: project → upstream.
    """

    name: str
    wants: tuple[str, ...]
    python: tuple[str, ...]
    platforms: tuple[str, ...]
    indexes: Mapping[str, str]
    owned: Mapping[str, str] = field(default_factory=dict)


def run(folder: Path) -> list[Row]:
    """A machine learning team's environment on loopback: cold, and with nothing changed."""
    with MlTeam(folder / "team", odd=False) as team:
        wants = ("torch==2.9.1", "torchvision", "transformers[torch]", "numpy")
        indexes, owned = {PYPI: team.pypi.url, TORCH: team.pytorch.url}, {"torch": TORCH, "torchvision": TORCH}
        case = Case("ML team", wants, ("3.11", "3.12", "3.13"), tuple(_MARKERS), indexes, owned)
        return _rows(folder / "ml", case, rounds=5, asked=lambda: _requests(team))


def run_real(folder: Path) -> list[Row]:
    """Real projects on the index of this machine's pip: torch for one target, seven projects for nine."""
    indexes = {PYPI: pip_index_url().rstrip("/") + "/"}
    torch = Case("torch==2.9.1", ("torch==2.9.1",), ("3.12",), ("linux-64",), indexes)
    big = Case("7 projects", _BIG, ("3.11", "3.12", "3.13"), tuple(_MARKERS), indexes)
    return [row for name, case in (("torch", torch), ("big", big)) for row in _rows(folder / name, case, rounds=2)]


def _rows(folder: Path, case: Case, rounds: int, asked: Callable[[], int] = lambda: -1) -> list[Row]:
    """Return the rows of a case: both sides in turn, the best of each."""
    cold, warm, peers, counts = [], [], [], []
    for turn in range(rounds):
        project, peer = _project(folder / f"ours-{turn}", case), _peer(folder / f"uv-{turn}", case)
        asked()
        cold.append(cudepot(project, "lock"))
        counts.append(asked())
        peers.append((_uv(peer, folder / f"cache-{turn}"), _uv(peer, folder / f"cache-{turn}", "--upgrade")))
        asked()
        warm.append(cudepot(project, "lock"))
        counts.append(asked())
    size = f"{case.name}, {_held(project)} for {len(case.python) * len(case.platforms)} targets"
    cold_uv, warm_uv = (min(one) for one in zip(*peers, strict=True))
    return [
        _row(f"{size}, cold", cold, {"uv lock": cold_uv}, counts[0]),
        _row(f"{case.name}, nothing changed", warm, {"uv lock --upgrade, warm": warm_uv}, counts[1]),
    ]


def _row(work: str, taken: list[Measured], peers: Mapping[str, float], requests: int) -> Row:
    memory, child = max(one.rss_mb for one in taken), max(one.child_rss_mb for one in taken)
    return Row("environments", work, min(one.seconds for one in taken), peers, 0.0, memory, child, requests)


def _held(project: Path) -> str:
    """Return how much was locked, in words."""
    files = [one for one in (project / "cudepot.lock").read_text().split("[[artifact]]") if ".whl" in one]
    return f"{len(files)} files"


def _project(folder: Path, case: Case) -> Path:
    folder.mkdir(parents=True)
    cudepot(folder, "init", "--label", "bench")
    upstreams = "".join(
        f'[[upstream]]\nname = "{name}"\ntype = "simple"\nurl = "{url}"\n\n' for name, url in case.indexes.items()
    )
    owned = ", ".join(f'{project} = "{name}"' for project, name in case.owned.items())
    said = {"platforms": case.platforms, "python": case.python, "wheels": case.wants, "index": next(iter(case.indexes))}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
    section = f'[[environment]]\nname = "train"\n{lines}indexes = {{ {owned} }}\n'
    toml = folder / "cudepot.toml"
    toml.write_text(f"{toml.read_text()}\n{upstreams}{section}")
    return folder


def _peer(folder: Path, case: Case) -> Path:
    """Write the project in which uv is asked the same."""
    folder.mkdir(parents=True)
    first, *others = case.indexes.items()
    markers = [f"{_MARKERS[one]} and python_version in '{' '.join(case.python)}'" for one in case.platforms]
    lines = [
        "[project]", 'name = "peer"', 'version = "0"', 'requires-python = ">=3.11"',
        f"dependencies = {json.dumps(case.wants)}", "[tool.uv]", "package = false",
        f"environments = {json.dumps(markers)}",
        "[[tool.uv.index]]", 'name = "first"', f'url = "{first[1]}"', "default = true",
    ]  # fmt: skip
    for name, url in others:
        lines += ["[[tool.uv.index]]", f'name = "{name}"', f'url = "{url}"', "explicit = true"]
        lines += ["ignore-error-codes = [403]"]
    lines += ["[tool.uv.sources]", *(f'{project} = {{ index = "{name}" }}' for project, name in case.owned.items())]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n")
    return folder


def _uv(peer: Path, cache: Path, *options: str) -> float:
    """Return the seconds of ``uv lock`` with that cache."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "uv"
    argv = [uv, "lock", "-q", "--no-python-downloads", "-p", sys.executable, "--cache-dir", str(cache)]
    start = time.perf_counter()
    env = {name: text for name, text in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    done = subprocess.run([*argv, *options], cwd=peer, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start


def _requests(team: MlTeam) -> int:
    """Return how many requests the indexes have had since this was last asked."""
    servers = {one.port: one for index in (team.pypi, team.pytorch) for one in (index.server, index.files)}
    count = sum(len(one.requests) for one in servers.values())
    team.forget()
    return count
