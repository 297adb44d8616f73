"""Runs the check on the GPU as a child: a cuDNN that lacks a library aborts the process it is loaded into."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = Path(__file__).with_name("gpu_check.py")
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Ended:
    """How the child ended: its standard output, or why there is none in words for the user."""

    output: str
    fault: str


def check_on_gpu(python: str, preload: Sequence[str], libraries: Sequence[str]) -> Ended:
    """Run the check with a Python (empty: ours); see :mod:`cudepot.probe.gpu_check` for what it prints."""
    before = [word for one in preload for word in ("--preload", one)]
    command = [python or sys.executable, "-I", str(_PROGRAM), *before, *libraries]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    except OSError as error:
        return Ended("", f"{command[0]} cannot be run: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Ended("", f"no end after {_SECONDS} s")
    if done.returncode == 0:
        return Ended(done.stdout, "")
    said = " ".join(done.stderr.split())[-500:]
    how = f"died of {signal.Signals(-done.returncode).name}" if done.returncode < 0 else f"ended with {done.returncode}"
    return Ended("", f"the process that loaded it {how}: {said or 'without a word'}")
