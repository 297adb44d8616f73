"""Whether the wheels of a target meet each other's requirements, as ``pip check`` asks on the client. Pure.

A resolver reads the METADATA of one wheel of a version, whichever it is; those of other platforms may say otherwise.

Source: core metadata (Requires-Dist), PEP 508.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from cudepot.catalog.lock import LockedTarget
from cudepot.kinds.wheels.rules.core_metadata import required
from cudepot.kinds.wheels.rules.members import Machine, machines


def unmet(target: LockedTarget, metadata: Mapping[str, bytes], replaced: Collection[str]) -> Iterator[str]:
    """Give a line for each requirement that the target's own wheels do not meet.

    Args:
        target: as it is locked.
        metadata: file name → METADATA.
        replaced: normalised names of projects whose requirements an override replaces.

    Raises:
        ConfigError: it is for machines for which no wheels are known.
    """
    requires = {one.filename: tuple(required(metadata[one.filename])) for one in target.members}
    markers = [str(one.marker) for each in requires.values() for one in each if one.marker]
    told = dict[str, None]()
    for machine in machines(target, markers):
        here = [one.filename for one in target.members if not one.marker or Marker(one.marker).evaluate(dict(machine))]
        told |= dict.fromkeys(_unmet(target.name, {name: requires[name] for name in here}, machine, replaced))
    yield from told


def _unmet(
    target: str, requires: Mapping[str, Sequence[Requirement]], machine: Machine, replaced: Collection[str]
) -> Iterator[str]:
    there = {str(project): str(version) for project, version, _, _ in map(parse_wheel_filename, requires)}
    for filename, wanted in requires.items():
        for one in wanted:
            name = canonicalize_name(one.name)
            if name in replaced or not (one.marker is None or one.marker.evaluate({**machine, "extra": ""})):
                continue
            if name not in there or not one.specifier.contains(there[name], prereleases=True):
                yield f"{target}: {filename} requires {one}, but there is {there.get(name, 'none')}"
