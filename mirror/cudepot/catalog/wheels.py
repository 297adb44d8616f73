"""Which wheels of a project page a requirement means, for which platforms. Pure selection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from cudepot.errors import ConfigError, PinError
from cudepot.formats.simple import IndexFile

_MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on an index page, its name taken apart."""

    file: IndexFile
    version: Version
    build: tuple[int, str] | tuple[()]
    tags: frozenset[Tag]

    def runs_on(self, subdir: str) -> bool:
        """Tell whether the wheel is for a conda platform (or for any)."""
        if subdir == "win-64":
            return any(tag.platform in ("any", "win_amd64") for tag in self.tags)
        machine = _MACHINES[subdir]
        return any(
            tag.platform == "any"
            or tag.platform.endswith(f"linux_{machine}")
            or (tag.platform.startswith("manylinux") and tag.platform.endswith(f"_{machine}"))
            for tag in self.tags
        )


def parse_requirement(text: str) -> Requirement:
    """Return a PEP 508 requirement; raise ConfigError when it is none, or has a URL or marker."""
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(f"not a requirement: {text!r}", hint="write it as pip takes it: name==1.2.3") from error
    if found.url or found.marker:
        raise ConfigError(f"requirement {text!r} has a URL or a marker, which a pin cannot have")
    return found


def select_wheels(requirement: Requirement, files: Iterable[IndexFile], subdirs: Sequence[str]) -> list[Wheel]:
    """Return the wheels of the newest fitting version, one build each, for every platform asked for.

    Raises:
        PinError: no version fits, or a platform has no wheel of it.
    """
    wheels = [one for one in _wheels(requirement.name, files) if not one.file.yanked or _exact(requirement)]
    admitted = set(requirement.specifier.filter({one.version for one in wheels}, prereleases=_pre(requirement)))
    fitting = [one for one in wheels if one.version in admitted]
    if not fitting:
        offered = ", ".join(map(str, sorted({one.version for one in wheels})[-8:])) or "none"
        raise PinError(
            f"pin '{requirement}' matches no wheel", hint=f"versions there: {offered}", pins=(str(requirement),)
        )
    newest = max(one.version for one in fitting)
    found = [one for one in fitting if one.version == newest]
    for subdir in subdirs:
        if not any(one.runs_on(subdir) for one in found):
            raise PinError(
                f"{requirement.name} {newest} has no wheel for {subdir}",
                hint=f"files there: {', '.join(one.file.filename for one in found)}",
            )
    return _last_builds([one for one in found if any(one.runs_on(subdir) for subdir in subdirs)])


def _wheels(name: str, files: Iterable[IndexFile]) -> list[Wheel]:
    found = []
    for file in files:
        try:
            project, version, build, tags = parse_wheel_filename(file.filename)
        except (InvalidWheelFilename, ValueError):
            continue  # sdists, eggs, or a name nobody can read
        if project == canonicalize_name(name):
            found.append(Wheel(file, version, build, tags))
    return found


def _last_builds(wheels: list[Wheel]) -> list[Wheel]:
    """Of wheels that differ only in their build tag keep the highest, as pip does."""
    best: dict[frozenset[Tag], Wheel] = {}
    for one in sorted(wheels, key=lambda wheel: (wheel.build, wheel.file.filename)):
        best[one.tags] = one
    return sorted(best.values(), key=lambda wheel: wheel.file.filename)


def _exact(requirement: Requirement) -> bool:
    return any(one.operator in ("==", "===") and not one.version.endswith("*") for one in requirement.specifier)


def _pre(requirement: Requirement) -> bool | None:
    return True if requirement.specifier.prereleases else None
