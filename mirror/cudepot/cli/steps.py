"""Shows what a verb that takes long is doing: nothing in the first two seconds, then each new step now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cudepot.cli.progress import EVERY, Bars, Lines, Silent

PATIENCE = 2.0
"""Seconds for which a verb, or what follows a bar, may say nothing."""


@dataclass(slots=True)
class Steps:
    """Which step is to be told when; times are seconds of one clock.

    Attributes:
        after: nothing is told before.
        label: the present step; empty for none.
        told: the step that was told last.
        in_bar: whether a bar tells how far work is.
    """

    after: float
    label: str = ""
    told: str = ""
    in_bar: bool = False

    def due(self, now: float) -> str:
        """Return the step that is to be told now, which counts as told then; empty for none."""
        if self.wait(now) != 0:
            return ""
        self.told, self.after = self.label, now + EVERY
        return self.label

    def wait(self, now: float) -> float | None:
        """Return the seconds until there is something to tell; None: not before something changes."""
        return None if self.in_bar or self.label == self.told else max(self.after - now, 0.0)

    def bar_ended(self, now: float) -> None:
        """Let the present step be told once more, if it goes on."""
        self.in_bar, self.told, self.after = False, "", now + PATIENCE


class Stepwise:
    """Lines or bars, and between them the present step; see :class:`cudepot.ports.Progress`.

    A thread does the telling, because the one that works may be deep in something that takes a minute.
    """

    def __init__(self, shown: Lines | Bars, label: str) -> None:
        self._shown, self._changed, self._closed = shown, threading.Condition(), False
        self._steps = Steps(time.monotonic() + PATIENCE, label)
        self._teller = threading.Thread(target=self._tell, name="steps", daemon=True)
        self._teller.start()

    def _tell(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if line := self._steps.due(now):
                    self._shown.say(f"{line} …")
                else:
                    self._changed.wait(self._steps.wait(now))

    def step(self, label: str) -> None:
        """Note what is being done now."""
        with self._changed:
            self._steps.label = label
            self._changed.notify()

    def begin(self, label: str, total: int, files: int = 0) -> None:
        """Start a bar."""
        with self._changed:
            self._steps.in_bar = True
            self._shown.begin(label, total, files)

    def advance(self, done: int, files: int = 0) -> None:
        """Add bytes and files to the bar."""
        self._shown.advance(done, files)

    def end(self) -> None:
        """Finish the bar; the step it belongs to is told again if it goes on."""
        with self._changed:
            self._shown.end()
            self._steps.bar_ended(time.monotonic())
            self._changed.notify()

    def say(self, line: str) -> None:
        """Tell the user one line, at once."""
        self._shown.say(line)

    def close(self) -> None:
        """Tell no more: the verb is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._teller.join()


@contextmanager
def telling(label: str, *, quiet: bool) -> Iterator[Silent | Stepwise]:
    """Give the progress that suits standard error, for one verb; ``label`` is what is told until its first step."""
    if quiet or sys.stderr is None:
        yield Silent()
        return
    told = Stepwise(Bars() if sys.stderr.isatty() else Lines(sys.stderr), label)
    try:
        yield told
    finally:
        told.close()
