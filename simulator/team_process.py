"""The team's three indexes, and a folder, in processes of their own, for programs that fork: URLs until they are left.

The process serves a folder where it is told ``folder``, else the indexes.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from simulator.ml_team import NVIDIA, PYPI, TORCH, MlTeam
from simulator.server import Server


def serving(folder: Path) -> contextlib.AbstractContextManager[Mapping[str, str]]:
    """Serve the indexes, and give their URLs by the names of upstreams."""
    return _process(folder, "indexes")


@contextlib.contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """Serve a folder, and give its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    with _process(folder, "folder") as urls:
        yield urls[""]


@contextlib.contextmanager
def _process(folder: Path, what: str) -> Iterator[Mapping[str, str]]:
    argv = [sys.executable, "-m", "simulator.team_process", str(folder), what]
    root = Path(__file__).parent.parent
    child = subprocess.Popen(argv, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())
    finally:
        child.communicate(timeout=30)


def main() -> None:
    """Serve until standard input ends."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    with contextlib.ExitStack() as served:
        if what == "folder":
            urls = {"": served.enter_context(Server(folder)).url}
        else:
            team = served.enter_context(MlTeam(folder))
            urls = {PYPI: team.pypi.url, TORCH: team.pytorch.url, NVIDIA: team.nvidia.url}
        sys.stdout.write(json.dumps(urls) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
