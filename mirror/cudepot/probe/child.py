"""Runs the check on the GPU as a child: a cuDNN that lacks a library aborts the process it is loaded into."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_START = (
    "import runpy, sys; sys.path.insert(0, {folder!r}); sys.argv[0] = 'gpu_check'; "
    "runpy.run_module('gpu_check', run_name='__main__')"
)
"""Starts :mod:`cudepot.probe.gpu_check` without a single module of cudepot: the Python is another environment's."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the child ended.

    Attributes:
        said: what it printed last, one JSON object; empty when it came to nothing.
        fault: why it did not reach its end, in words for the user; empty when it did.
        late: it was ended because it took too long.
    """

    said: str
    fault: str
    late: bool = False


def check_on_gpu(python: str, preload: Sequence[str], libraries: Sequence[str], seconds: int) -> Ended:
    """Run the check with a Python (empty: ours) and end it after some seconds.

    See :mod:`cudepot.probe.gpu_check` for what it prints.
    """
    before = [word for one in preload for word in ("--preload", one)]
    start = _START.format(folder=str(Path(__file__).parent))
    command = [python or sys.executable, "-I", "-B", "-c", start, *before, *libraries]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
    except OSError as error:
        return Ended("", f"{command[0]} cannot be run: {error.strerror}")
    except subprocess.TimeoutExpired as error:
        return Ended(_last(error.stdout or b""), f"did not end within {seconds} s", late=True)
    if done.returncode == 0:
        return Ended(_last(done.stdout), "")
    said = " ".join(done.stderr.split())[-500:]
    how = f"died of {signal.Signals(-done.returncode).name}" if done.returncode < 0 else f"ended with {done.returncode}"
    return Ended(_last(done.stdout), f"the process that loaded it {how}: {said or 'no message'}")


def _last(output: str | bytes) -> str:
    """Return the last whole line: bytes, when the child was ended, whatever was asked for."""
    text = output.decode(errors="replace") if isinstance(output, bytes) else output
    return next((line for line in reversed(text.splitlines(keepends=True)) if line.endswith("}\n")), "")
