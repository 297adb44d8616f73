"""The team's three indexes in a process of their own, for programs that fork: URLs by name, until they are left."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from simulator.ml_team import NVIDIA, PYPI, TORCH, MlTeam


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve the indexes, and give their URLs by the names of upstreams."""
    argv = [sys.executable, "-m", "simulator.team_process", str(folder)]
    root = Path(__file__).parent.parent
    child = subprocess.Popen(argv, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())
    finally:
        child.communicate(timeout=30)


def main() -> None:
    """Serve until standard input ends."""
    with MlTeam(Path(sys.argv[1])) as team:
        urls = {PYPI: team.pypi.url, TORCH: team.pytorch.url, NVIDIA: team.nvidia.url}
        sys.stdout.write(json.dumps(urls) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
