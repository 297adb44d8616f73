"""The log of a store, ``store/cudepot.log``: every run that may change something, what it said and why it ended.

The terminal shows what matters now; the log keeps the whole story for the one who asks a week later.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import shlex
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from cudepot import __version__
from cudepot.cli.progress import size_text
from cudepot.masked import masked
from cudepot.ports import Progress

LIMIT = 4 << 20  # bytes; then the log becomes cudepot.log.1 and a new one begins


class Journal:
    """Appends lines to the log; a disk that refuses them stops no work."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with contextlib.suppress(OSError):
            if path.stat().st_size > LIMIT:
                path.replace(path.with_name(path.name + ".1"))
        self.write([f"cudepot {__version__}: {shlex.join(sys.argv[1:])}"])

    def write(self, lines: Iterable[str]) -> None:
        """Append lines, each with the time in UTC and this process's number."""
        head = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ} [{os.getpid()}] "
        text = "".join(f"{head}{masked(part)}\n" for line in lines for part in line.splitlines())
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8", errors="replace") as log:
            log.write(text)

    def failed(self, error: BaseException) -> None:
        """Append an error with the way to it."""
        self.write(traceback.format_exception(error))

    def unforeseen(self, error: BaseException) -> str:
        """Append an error that stops one upstream only, and say where that is."""
        self.failed(error)
        shown_if_asked(error)
        return str(self._path)


def shown_if_asked(error: BaseException) -> str:
    """Print the way to an error where CUDEPOT_DEBUG asks for it, and say how to ask."""
    if os.environ.get("CUDEPOT_DEBUG"):
        traceback.print_exception(error)
    return "run again with CUDEPOT_DEBUG=1"


class Noted:
    """Progress that is also kept in the log; see :class:`cudepot.ports.Progress`."""

    def __init__(self, shown: Progress, journal: Journal) -> None:
        self._shown, self._journal = shown, journal

    def step(self, label: str) -> None:
        """Note what is being done now; the log keeps what was done."""
        self._shown.step(label)

    def begin(self, label: str, total: int, files: int = 0) -> None:
        """Start a piece of work of ``total`` bytes."""
        self._journal.write([f"{label}: {size_text(total)}"])
        self._shown.begin(label, total, files)

    def advance(self, done: int, files: int = 0) -> None:
        """Add ``done`` bytes; the log does not count them."""
        self._shown.advance(done, files)

    def end(self) -> None:
        """Finish the piece of work."""
        self._shown.end()

    def say(self, line: str) -> None:
        """Tell the user one line."""
        self._journal.write([line])
        self._shown.say(line)


def journal_of(args: argparse.Namespace) -> Journal | None:
    """Return the log of this run, if the verb opened a store to change it."""
    found = getattr(args, "journal", None)
    return found if isinstance(found, Journal) else None
