"""How far work has come: bars with bytes per second and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

from cudepot.cli.speech import SPEECH

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

EVERY = 5.0  # seconds between two plain lines


class Silent:
    """Says nothing; see :class:`cudepot.ports.Progress`."""

    def step(self, label: str) -> None:
        """Ignore."""

    def begin(self, label: str, total: int, files: int = 0) -> None:
        """Ignore."""

    def advance(self, done: int, files: int = 0) -> None:
        """Ignore."""

    def end(self) -> None:
        """Ignore."""

    def say(self, line: str) -> None:
        """Ignore."""


class Lines:
    """Plain lines for logs and pipes: one for each piece of work, when it ends; every few seconds where it is long."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock = out, threading.Lock()
        self._label, self._total, self._done, self._start, self._last = "", 0, 0, 0.0, 0.0
        self._files, self._ended = 0, 0

    def begin(self, label: str, total: int, files: int = 0) -> None:
        """Start a piece of work of ``total`` bytes."""
        self._label, self._total, self._done, self._files, self._ended = label, total, 0, files, 0
        self._start = self._last = time.monotonic()

    def advance(self, done: int, files: int = 0) -> None:
        """Add ``done`` bytes and say so now and then."""
        with self._lock:
            self._done += done
            self._ended += files
            now = time.monotonic()
            if now - self._last < EVERY or not self._label:
                return
            self._last = now
            rate = self._done / max(now - self._start, 1e-3)
            known = self._done * 100 >= self._total and rate > 0  # of less, the first bytes decide alone
            left = f", {(self._total - self._done) / rate:.0f} s left" if known else ""
            come = f"{_files_text(self._ended, self._files)}{size_text(self._done)} of {size_text(self._total)}"
            self.say(f"{self._label}: {come}, {size_text(rate)}/s{left}")

    def end(self) -> None:
        """Finish the piece of work."""
        seconds = time.monotonic() - self._start
        self.say(f"{self._label}: {size_text(self._done)} in {seconds:.1f} s")
        self._label = ""

    def say(self, line: str) -> None:
        """Write one line; who listens may be gone, and that is no reason to stop the work."""
        try:
            print(SPEECH.shown(line, self._out), file=self._out, flush=True)
        except OSError:
            silence(self._out)


class Bars:
    """Bars on a terminal, drawn by rich."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._ended, self._lock = 0, threading.Lock()

    def begin(self, label: str, total: int, files: int = 0) -> None:
        """Start a bar of ``total`` bytes."""
        # rich takes 60 ms to import: only a terminal pays for it.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        # The label gives way on a narrow terminal, the figures do not.
        words = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
        counted = (TextColumn("{task.fields[ended]}/{task.fields[files]}"),) if files else ()
        columns = (BarColumn(bar_width=16), *counted, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        coloured = SPEECH.is_coloured(sys.stderr)
        console = Console(stderr=True, force_terminal=True, no_color=not coloured)
        self._bar = Progress(words, *columns, console=console, expand=True)
        self._bar.start()
        self._ended = 0
        self._task = self._bar.add_task(label, total=total, ended=0, files=files)

    def advance(self, done: int, files: int = 0) -> None:
        """Add ``done`` bytes."""
        bar, task = self._bar, self._task
        if bar is not None and task is not None:
            with self._lock:
                self._ended += files
                bar.update(task, advance=done, ended=self._ended)

    def end(self) -> None:
        """Leave the finished bar on the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, line: str) -> None:
        """Write one line above the bar."""
        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text.from_ansi(SPEECH.shown(line, sys.stderr)))
        else:
            SPEECH.tell(line)


def _files_text(ended: int, files: int) -> str:
    return f"{ended} of {files} files, " if files else ""


def silence(out: TextIO) -> None:
    """Send what a stream still holds, and all that follows, nowhere: nobody reads it any more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def size_text(count: float) -> str:
    """Return a byte count as a person reads it: ``314 MB`` (decimal units)."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit in ("B", "kB") or count >= 100 else f"{count:.1f} {unit}"
