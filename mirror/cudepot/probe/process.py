"""A running process as Linux's ``/proc`` shows it: its files, its variables, its root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process.

    Attributes:
        command: its arguments, for people.
        maps: text of ``/proc/PID/maps``.
        environment: its variables as they were when it started.
        root: where its ``/`` is: that of its container, when it is in one.
    """

    pid: int
    command: str
    maps: str
    environment: dict[str, str]
    root: Path


def read_process(pid: int) -> Process:
    """Read what is known of a process; raise OSError when it is not there, or not ours to look at."""
    place = Path("/proc") / str(pid)
    command = (place / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
    variables = (place / "environ").read_bytes().decode(errors="replace").split("\0")
    environment = dict(one.split("=", 1) for one in variables if "=" in one)
    root = place / "root"
    same = root.stat().st_ino == Path("/").stat().st_ino and root.stat().st_dev == Path("/").stat().st_dev
    maps = (place / "maps").read_text(errors="replace")
    return Process(pid, command, maps, environment, Path("/") if same else root)
