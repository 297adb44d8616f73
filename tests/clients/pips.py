"""Pips as they were shipped, fetched once a session from the index this machine uses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PIPS = ("22.3", "23.2", "")
"""The first that asks for JSON in earnest, the first that reads core-metadata, and the newest."""


@pytest.fixture(scope="session")
def pip_wheel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the wheel of a version of pip; of the newest where none is named. It is skipped where there is none."""
    folder = tmp_path_factory.mktemp("pips")

    def fetched(version: str) -> Path:
        into = folder / (version or "newest")
        wanted = f"pip=={version}" if version else "pip"
        if not into.exists():
            argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", into, wanted]
            if subprocess.run(argv, check=False).returncode:  # with this machine's own settings
                pytest.skip(f"this machine's index has no {wanted}")
        return next(into.glob("pip-*.whl"))

    return fetched
