"""Runs ``cudepot`` at a fixed time: ``python frozen.py ARGUMENTS``, the time in GOLDEN_NOW as ISO 8601.

The class is replaced before cudepot is imported, so that no room has to be told of it, wherever a clock is read.
"""

from __future__ import annotations

import datetime
import os
import sys


class Frozen(datetime.datetime):
    """A datetime whose present does not move."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        """Return the moment that GOLDEN_NOW names."""
        return datetime.datetime.fromisoformat(os.environ["GOLDEN_NOW"]).astimezone(tz)


datetime.datetime = Frozen  # type: ignore[misc]

if __name__ == "__main__":
    from cudepot.cli.main import main

    sys.exit(main(sys.argv[1:]))
