"""Has a child process solve environments over conda channels: :mod:`.channel_solve`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cudepot.errors import BuildError
from cudepot.temporary import temporary_folder

_PROGRAM = Path(__file__).with_name("channel_solve.py")
_MOST_SECONDS = 1800
Place = tuple[str, str, str]
"""Channel, subdir, file name."""


class Question(NamedTuple):
    """One machine, and what it is to have.

    Attributes:
        platform: conda's subdir; packages for all platforms count as well.
        specs: match specs.
        virtual: virtual packages: name → version and build.
        locked: packages that stay where they can.
    """

    platform: str
    specs: Sequence[str]
    virtual: Mapping[str, tuple[str, str]]
    locked: Sequence[Place] = ()


class Solution(NamedTuple):
    """What is to be installed, or why nothing can."""

    found: tuple[Place, ...]
    refused: str = ""


def solutions(
    channels: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]], questions: Sequence[Question]
) -> list[Solution]:
    """Return the solution of each question.

    Args:
        channels: name → subdir → file name → record; the first channel that has a name is the only one for it.
        questions: what is asked.

    Raises:
        BuildError: the child did not come to an end.
    """
    with temporary_folder() as folder:
        sources = [
            {
                "channel": channel,
                "subdir": subdir,
                "path": str(_written(folder / f"{number}-{subdir}.json", subdir, records)),
            }
            for number, (channel, subdirs) in enumerate(channels.items())
            for subdir, records in sorted(subdirs.items())
        ]
        job = json.dumps({"sources": sources, "targets": [one._asdict() for one in questions]})
        command = [sys.executable, "-I", str(_PROGRAM)]
        try:
            done = subprocess.run(
                command, input=job, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False
            )
            return [_solution(one) for one in json.loads(done.stdout)["solutions"]]
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
            raise BuildError(f"the conda solver cannot be run: {error}", hint="install cudepot again") from error


def _solution(one: Mapping[str, Any]) -> Solution:
    return Solution(tuple((a, b, c) for a, b, c in one["found"]), one["refused"])


def _written(path: Path, subdir: str, records: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write an index in a fixed order: which of two packages that tie is taken depends on it."""
    whole = {name: {**records[name], "subdir": subdir} for name in sorted(records)}
    older = {name: one for name, one in whole.items() if name.endswith(".tar.bz2")}
    newer = {name: one for name, one in whole.items() if name not in older}
    path.write_text(json.dumps({"info": {"subdir": subdir}, "packages": older, "packages.conda": newer}))
    return path
