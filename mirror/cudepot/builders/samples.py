"""Runs what builds NVIDIA's samples: asks the compiler what it makes, and calls ``make`` with NVIDIA's variables."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 3600.0  # seconds a sample may take to build
_LAST = 12  # lines of a failed build that are told
_WIDE = 400  # characters of such a line: nvcc's calls have thousands


@dataclass(frozen=True, slots=True)
class Made:
    """How one sample went.

    Attributes:
        built: whether make ended well and there is an executable that was not there before.
        log: the file with all that was said; ``said``: its last lines, where it was not built.
        executables: what came.
    """

    name: str
    built: bool
    log: str
    said: str = ""
    executables: tuple[str, ...] = ()


def machine_of_compiler(compiler: str) -> str | None:
    """Return the GNU triplet a compiler makes code for; empty when it does not say; None when it is not there."""
    if shutil.which(compiler) is None:
        return None
    try:
        done = subprocess.run([compiler, "-dumpmachine"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def samples_below(folder: Path) -> list[Path]:
    """Return the folders of the samples: those right below that have a Makefile."""
    return sorted(one.parent for one in folder.glob("*/Makefile"))


def run_make(sample: Path, variables: Mapping[str, str], environment: Mapping[str, str], log: Path) -> Made:
    """Build one sample; all that is said goes to ``log``.

    Make takes the variables from its command line, where they win over the Makefile's own. A Makefile that only warns
    (no FreeImage, a waived target) ends well and builds nothing: that is not built.
    """
    before = {path: path.stat().st_mtime_ns for path in executables_below(sample)}
    argv = ["make", "-C", str(sample), *(f"{name}={value}" for name, value in variables.items())]
    with log.open("wb") as out:
        out.write(f"{' '.join(argv)}\n".encode())
        out.flush()
        try:
            done = subprocess.run(
                argv, stdout=out, stderr=subprocess.STDOUT, env=dict(environment), timeout=_TIMEOUT, check=False
            )
            built = done.returncode == 0
        except subprocess.TimeoutExpired:
            built = False
    came = tuple(str(path) for path in executables_below(sample) if before.get(path) != path.stat().st_mtime_ns)
    last = _telling(log.read_text("utf-8", "replace").splitlines())
    if built and not came:
        last.append("make ended without an error but built nothing")
    built = built and bool(came)
    return Made(sample.name, built, str(log), "" if built else "\n".join(last), came)


def _telling(lines: Sequence[str]) -> list[str]:
    """Return the last lines of a build, and before them the Makefile's own warnings."""
    early, last = lines[:-_LAST], lines[-_LAST:]
    return [one for one in early if one.startswith(">>>")] + [one[:_WIDE] for one in last]


def executables_below(folder: Path) -> Iterator[Path]:
    """Give the files below a folder that are executable and begin as an ELF file does, objects left out."""
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".o" and path.is_file() and not path.is_symlink() and os.access(path, os.X_OK):
            with path.open("rb") as handle:
                if handle.read(4) == b"\x7fELF":
                    yield path
