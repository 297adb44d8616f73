"""Has a child process show that every package of a conda channel can be installed: :mod:`.channel_check`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cudepot.errors import BuildError

_PROGRAM = Path(__file__).with_name("channel_check.py")
_MOST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ChannelProof:
    """What was shown of a channel.

    Attributes:
        unsolvable: platform, package (``NAME-VERSION-BUILD``), the relation that fails, and why.
        foreign: names that another channel has to provide; none in a closed one.
    """

    unsolvable: tuple[tuple[str, str, str, str], ...]
    foreign: tuple[str, ...]


def prove_channel(repodata: Mapping[str, Path], *, closed: bool) -> ChannelProof:
    """Solve every package of a channel.

    Args:
        repodata: the channel's ``repodata.json`` by subdir.
        closed: whether the channel has to do without any other.

    Raises:
        BuildError: the child did not come to an end: nothing was shown.
    """
    job = {"subdirs": {subdir: str(path) for subdir, path in repodata.items()}, "open": not closed}
    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=_MOST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"the conda solver cannot be run: {error}", hint="publish again") from error
    try:
        found = json.loads(done.stdout)
        rows = tuple((str(a), str(b), str(c), str(d)) for a, b, c, d in found["unsolvable"])
        return ChannelProof(rows, tuple(map(str, found["foreign"])))
    except (ValueError, KeyError, TypeError) as error:
        said = " ".join(done.stderr.split())[-400:] or "without a message"
        raise BuildError(
            f"the conda solver ended with {done.returncode}: {said}",
            hint="install cudepot again: py-rattler may be broken",
        ) from error
