"""The Python interpreters of this machine, by version: what has to run on old ones is run on them."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

_ASK = "import sys; print(*sys.version_info[:2])"


@functools.cache
def pythons() -> dict[tuple[int, int], str]:
    """Return an interpreter of each version from 3.6 on that runs here; the one that asks is always among them."""
    names = [shutil.which(f"python3.{minor}") for minor in range(6, 20)]
    named = [one for one in (*names, shutil.which("pypy3")) if one]
    managed = sorted(str(one) for one in Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    found: dict[tuple[int, int], str] = {}
    for path in (*named, *managed, sys.executable):
        if version := _version(path):
            found[version] = path
    return dict(sorted(found.items()))


def oldest() -> str:
    """Return the oldest interpreter."""
    return next(iter(pythons().values()))


def _version(path: str) -> tuple[int, int] | None:
    done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if done.returncode or len(words) != 2 or (int(words[0]), int(words[1])) < (3, 6):
        return None
    return int(words[0]), int(words[1])
