"""Has a child process pick packages of a conda channel together with what they need: :mod:`.channel_pick`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cudepot.errors import BuildError, PinError

_PROGRAM = Path(__file__).with_name("channel_pick.py")
_MOST_SECONDS = 600


def pick(records: Mapping[str, Mapping[str, Any]], specs: Sequence[str], platform: str) -> set[str]:
    """Return ``SUBDIR/FILE`` of the packages that meet the specs, and of all that these need in the channel.

    Args:
        records: those of the channel, by subdir and file name.
        specs: match specs.
        platform: conda's subdir; packages for all platforms count as well.

    Raises:
        PinError: no set of packages meets all of them.
        BuildError: the child did not come to an end.
    """
    job = json.dumps({"platform": platform, "specs": list(specs), "records": dict(records)})
    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        done = subprocess.run(command, input=job, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False)
        answer = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise BuildError(f"the conda solver cannot be run: {error}", hint="install cudepot again") from error
    if answer["refused"]:
        raise PinError(
            f"{platform}: one environment cannot have all of this: {answer['refused']}",
            hint="choose packages with --only NAME=VERSION; their dependencies are included",
        )
    return set(answer["picked"])
