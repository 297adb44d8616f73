"""The folder of the user who runs cudepot, which a job may not have, or may not read."""

from __future__ import annotations

import os
from pathlib import Path

NO_HOME = Path(os.devnull) / "home"
"""A folder that nobody can ever make."""


def home() -> Path:
    """Return the user's folder; one that is not there where the user has none: cron and containers know such."""
    try:
        return Path.home()
    except RuntimeError:
        return NO_HOME


def is_there(path: str | Path) -> bool:
    """Return whether something is at a path, as far as this user may look."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where a folder above may not be read
