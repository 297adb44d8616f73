"""Finds the folders of an environment that libraries are in. Needs the standard library alone, as ``--run`` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor.places import LIBRARY_FOLDERS, SITE_FOLDERS
from cudepot.catalog.doctor.values import Environment
from cudepot.probe.machine import Machine


def library_folders(machine: Machine, environment: Environment) -> Iterator[str]:
    """Give the folders of an environment that libraries are in, once each, however many links lead there."""
    own = (
        [environment.prefix] if machine.matches(f"{environment.prefix}/libcudnn*.so*") else []
    )  # just a folder of them
    patterns = [*own, *(f"{environment.prefix}/{one}" for one in LIBRARY_FOLDERS)]
    patterns += [f"{site}/{one}" for site in environment.sites for one in SITE_FOLDERS]
    yield from existing(machine, patterns)


def existing(machine: Machine, patterns: Sequence[str]) -> Iterator[str]:
    """Give the folders that fit patterns, once each, however many links lead there."""
    seen = set()
    for path in (path for pattern in patterns for path in machine.matches(pattern)):
        if (real := machine.real(path)) not in seen and machine.is_folder(path):
            seen.add(real)
            yield path
