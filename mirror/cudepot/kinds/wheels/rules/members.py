"""The wheels of an environment, as its targets name them, and where the site has an index of them alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cudepot.catalog.ecosystems import ENVIRONMENTS, WHEELS
from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.kinds.wheels.rules.target import Target, machine, patch_levels

Machine = Mapping[str, str]
"""Marker variables of one machine that a target means."""


def filenames(environment: LockedEnvironment) -> frozenset[str]:
    """Return the names of all files of an environment."""
    return frozenset(member.filename for target in environment.targets for member in target.members)


def index_of(environment: str) -> str:
    """Return the folder of the site that has the index of an environment; it ends in a slash."""
    return f"{ENVIRONMENTS}/{environment}/{WHEELS.index_room}/"


def target_of(locked: LockedTarget) -> Target:
    """Return the machines that a locked target is for; raise ConfigError for such as no wheels are known for."""
    fields = dict(locked.fields)
    return Target(fields.get("platform", ""), fields.get("python", ""), fields.get("glibc", ""))


def machines(locked: LockedTarget, markers: Iterable[str]) -> list[Machine]:
    """Return a machine for each stretch of patch levels of Python between which no marker tells a difference.

    Raises:
        ConfigError: the target is for machines for which no wheels are known.
    """
    target, asked = target_of(locked), (*markers, *(one.marker for one in locked.members))
    return [machine(target, level) for level in patch_levels(target, asked)]
