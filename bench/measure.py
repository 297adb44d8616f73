"""Run cudepot in a process of its own and measure time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_CHILD = """
import json, os, resource, sys
from cudepot.cli.main import main
code = main(sys.argv[2:])
# not ru_maxrss for ourselves: it begins with what the process that started us had
own = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
open(sys.argv[1], "w").write(json.dumps([code, own * 1024, child * 1024, sum(os.times()[:4])]))
"""


@dataclass(frozen=True)
class Measured:
    """One run: seconds, peak memory of the process and of its largest child in 10^6 bytes, seconds of processors."""

    seconds: float
    rss_mb: float
    child_rss_mb: float
    stderr: str
    code: int
    cpu_s: float = 0.0


def cudepot(project: Path, verb: str, *options: str, check: bool = True) -> Measured:
    """Run one verb in ``project``; raise when it fails (unless ``check`` is off)."""
    report = project / ".bench-report"
    start = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, str(report), verb, "-C", str(project), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_installed())
    seconds = time.perf_counter() - start
    if not report.exists():
        raise RuntimeError(done.stderr)
    code, own, child, cpu = json.loads(report.read_text())
    if code and check:
        raise RuntimeError(done.stderr)
    return Measured(seconds, own / 1e6, child / 1e6, done.stderr, code, cpu)


def _installed() -> dict[str, str]:
    """Return an environment in which Python keeps its bytecode, as an installed package has it: pip compiles it."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def timed(*command: str | Path) -> float:
    """Return the seconds a command takes; raise when it fails."""
    start = time.perf_counter()
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start
