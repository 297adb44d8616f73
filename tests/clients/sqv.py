"""Finds Sequoia's ``sqv``, with which apt of Debian 13 verifies: installed, or unpacked from this machine's archive."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from simulator.process import run


@cache
def find_sqv() -> Path | None:
    """Return the program; None when it cannot be had. Nothing is installed."""
    if found := shutil.which("sqv"):
        return Path(found)
    folder = Path(tempfile.mkdtemp(prefix="sqv-"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        run("apt-get", "download", "sqv", cwd=folder, check=False, timeout=60)
    debs = list(folder.glob("sqv_*.deb"))
    if not debs:
        return None
    run("dpkg-deb", "-x", debs[0], folder)
    sqv = folder / "usr/bin/sqv"
    return sqv if run(sqv, "--version", check=False).returncode == 0 else None
