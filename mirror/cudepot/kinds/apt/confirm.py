"""Asks the ``apt-get`` of this machine what it would install: in folders of its own, with no network, for comparison.

Which packages an environment has is decided without it (ADR 0051): a difference is told, and changes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cudepot.kinds.apt.rules.apt_question import FOLDERS, Question, answer, asked, differences, files
from cudepot.kinds.apt.rules.resolve_debs import Resolution, Root
from cudepot.temporary import temporary_folder

_MOST_SECONDS = 600
_SHOWN = 12  # differences in a note


def confirm(question: Question, roots: Sequence[Root], found: Resolution) -> list[str]:
    """Return a line for all in which apt chooses differently; nothing where it does not, or is not installed."""
    program = shutil.which("apt-get", path="/usr/bin:/bin")
    if program is None:
        return []
    union = question.union
    chosen = {union.key(one): one for one in found.packages}
    with temporary_folder() as folder:
        _write(folder, question)
        command = [program, "-s", "-y", "install", *asked(roots, chosen, union.machine.native)]
        done = _run(command, folder)
    if done is None:
        return [f"apt-get gave no answer within {_MOST_SECONDS // 60} minutes: its choice was not compared"]
    if done.returncode:
        said = " ".join(line for line in (done.stdout + done.stderr).splitlines() if line.startswith((" ", "E:")))
        return [f"apt-get would refuse to install it: {' '.join(said.split())[:600]}"]
    lines = differences(answer(done.stdout), found.packages)
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return [f"apt-get would choose differently: {'; '.join(lines[:_SHOWN])}{more}"] if lines else []


def _write(folder: Path, question: Question) -> None:
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for path, content in files(question, str(folder)).items():
        (folder / path).write_bytes(content)


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str] | None:
    environment = {"APT_CONFIG": str(folder / "apt.conf"), "PATH": os.defpath, "LC_ALL": "C", "HOME": str(folder)}
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=_MOST_SECONDS, check=False,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, OSError):
        return None
