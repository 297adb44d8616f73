"""Which peers are here to measure: who is not is left out, and named beside the rows."""

from __future__ import annotations

import os
import shutil

LACKING: dict[str, None] = {}
"""Commands that were looked for and are not here, in that order."""


def installed(command: str) -> bool:
    """Return whether a peer's command is here; one that is not is noted in :data:`LACKING`."""
    found = shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin") is not None
    if not found:
        LACKING[command] = None
    return found


def left_out() -> str:
    """Return the sentence that names who was not measured; empty where all were."""
    return f"Not installed, and left out: {', '.join(LACKING)}." if LACKING else ""
