"""Has a child process solve environments over conda channels: :mod:`.channel_solve`."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from cudepot.errors import BuildError
from cudepot.temporary import temporary_folder

_PROGRAM = Path(__file__).with_name("channel_solve.py")
_MOST_SECONDS = 1800
_NOARCH = "noarch"
_PATIENCE = 10  # seconds a child has to end by itself
Place = tuple[str, str, str]
"""Channel, subdir, file name."""


class Question(NamedTuple):
    """One machine, and what it is to have.

    Attributes:
        platform: conda's subdir; packages for all platforms count as well.
        specs: match specs.
        virtual: virtual packages: name → version and build.
        locked: packages that stay where they can.
        priority: of channels that have packages of one name: ``strict`` takes them from the first alone, ``flexible``
            from another where there is no solution otherwise.
    """

    platform: str
    specs: Sequence[str]
    virtual: Mapping[str, tuple[str, str]]
    locked: Sequence[Place] = ()
    priority: str = "strict"


class Solution(NamedTuple):
    """What is to be installed, or why nothing can."""

    found: tuple[Place, ...]
    refused: str = ""


Records = Mapping[str, Mapping[str, Any]]
"""File name → record."""
Channels = Mapping[str, Mapping[str, Records]]
"""Name → subdir → records; the first channel is asked first."""


class _Written(NamedTuple):
    """Channels as the child sees them."""

    channels: Channels
    folder: Path


class ChannelSolver:
    """rattler in a child process, which is asked any number of times, until :meth:`close`.

    The child takes a while to load, and keeps the channels that it was shown for the next question.
    """

    def __init__(self) -> None:
        self._ending = ExitStack()
        self._folder: Path | None = None
        self._written: _Written | None = None
        self._number = itertools.count()
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            _end(self._child)
        self._child = None
        self._ending.close()

    def start(self) -> subprocess.Popen[str]:
        """Return the child; raise BuildError where it cannot be started."""
        if self._child is not None and self._child.poll() is not None:
            _end(self._child)
            self._child = None
        if self._child is None:
            command = [sys.executable, "-I", str(_PROGRAM)]
            pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
            try:
                self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, text=True)
            except OSError as error:
                raise _unable(error) from error
        return self._child

    def solutions(
        self, channels: Channels, questions: Sequence[Question], meanwhile: Callable[[], object] | None = None
    ) -> list[Solution]:
        """Return the solution of each question.

        Args:
            channels: what there is.
            questions: what is asked.
            meanwhile: is done while the child is at it.

        Raises:
            BuildError: the child did not come to an end.
        """
        platforms = {platform for one in questions for platform in (one.platform, _NOARCH)}
        told = {name: {one: there.get(one, {}) for one in platforms | there.keys()} for name, there in channels.items()}
        job = json.dumps(
            {
                "root": str(self._shown(told)),
                "channels": list(told),
                "targets": [one._asdict() for one in questions],
            }
        )
        child = self.start()
        watch = threading.Timer(_MOST_SECONDS, child.kill)
        watch.start()
        try:
            return [_solution(one) for one in json.loads(_answer(child, job, meanwhile))["solutions"]]
        except (OSError, ValueError, KeyError) as error:
            raise _unable(error) from error
        finally:
            watch.cancel()

    def _shown(self, channels: Channels) -> Path:
        """Return the folder in which the child finds these channels, and nothing else."""
        if self._written is None or list(self._written.channels.items()) != list(channels.items()):
            self._folder = self._folder or self._ending.enter_context(temporary_folder())
            folder = self._folder / str(next(self._number))
            for number, there in enumerate(channels.values()):
                for subdir, records in there.items():
                    _write(folder / str(number) / subdir, records)
            self._written = _Written(channels, folder)
        return self._written.folder


def _answer(child: subprocess.Popen[str], job: str, meanwhile: Callable[[], object] | None) -> str:
    """Return the line that answers a job; empty where the child has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{job}\n")
    child.stdin.flush()
    if meanwhile is not None:
        meanwhile()
    return child.stdout.readline()


def _end(child: subprocess.Popen[str]) -> None:
    """Let the child come to its end, which it does when there is nothing more to read."""
    with suppress(OSError, subprocess.TimeoutExpired):
        child.communicate(timeout=_PATIENCE)
    child.kill()
    child.wait()


def _unable(error: Exception) -> BuildError:
    return BuildError(f"the conda solver cannot be run: {error}", hint="install cudepot again")


def solutions(channels: Channels, questions: Sequence[Question]) -> list[Solution]:
    """Return the solution of each question, from a solver that is asked once; raise as it does."""
    with ChannelSolver() as solver:
        return solver.solutions(channels, questions)


def _solution(one: Mapping[str, Any]) -> Solution:
    return Solution(tuple((a, b, c) for a, b, c in one["found"]), one["refused"])


def _write(folder: Path, records: Records) -> None:
    """Write an index in a fixed order: which of two packages that tie is taken depends on it."""
    subdir = folder.name
    whole = {name: {**records[name], "subdir": subdir} for name in sorted(records)}
    older = {name: one for name, one in whole.items() if name.endswith(".tar.bz2")}
    newer = {name: one for name, one in whole.items() if name not in older}
    document = {"info": {"subdir": subdir}, "packages": older, "packages.conda": newer}
    folder.mkdir(parents=True)
    (folder / "repodata.json").write_text(json.dumps(document))
