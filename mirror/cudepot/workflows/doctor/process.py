"""Looks at a running process: which files of cuDNN it has mapped, and whether they belong together."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.catalog.doctor.process import mixed
from cudepot.catalog.doctor.texts import mapped
from cudepot.catalog.doctor.values import Finding, Version
from cudepot.errors import ConfigError
from cudepot.probe.machine import Machine
from cudepot.probe.process import read_process
from cudepot.workflows.doctor.copies import library


@dataclass(frozen=True, slots=True)
class Running:
    """A process and the files of cuDNN it has mapped, with their versions as far as they say one."""

    pid: int
    command: str
    files: tuple[tuple[str, Version | None], ...]
    findings: tuple[Finding, ...]


def look_at(pid: int) -> Running:
    """Look at a process.

    Raises:
        ConfigError: there is none of that number, or it is another user's.
    """
    try:
        process = read_process(pid)
    except OSError as error:
        raise ConfigError(
            f"process {pid}: {error.strerror or error}", hint="`ps -e` lists processes; others' need root"
        ) from error
    machine = Machine(process.root, process.environment)
    paths = mapped(process.maps, "libcudnn")
    files = tuple((path, library(machine, path.removesuffix(" (deleted)")).version) for path in paths)
    return Running(pid, process.command, files, tuple(mixed(pid, files)))
