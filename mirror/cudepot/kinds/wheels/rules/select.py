"""Which wheels of a project page a requirement means, for which platforms. Pure selection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from cudepot.errors import ConfigError, PinError, TrustError
from cudepot.formats.simple import IndexFile
from cudepot.kinds.rules.other_spelling import as_wheel, spelled_out
from cudepot.kinds.wheels.rules.names import called_now

_MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}
_SHOWN = 8  # versions or files in a hint
_FIRST = Version("0.0.1")  # NVIDIA reserves names as 0.0.0a0 and 0.0.1.dev5


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on an index page, its name taken apart."""

    file: IndexFile
    version: Version
    build: tuple[int, str] | tuple[()]
    tags: frozenset[Tag]

    @property
    def withdrawn(self) -> str | None:
        """Why the index withdrew it (yanked), which may be empty; None where it did not."""
        return self.file.reason if self.file.yanked else None

    def runs_on(self, subdir: str) -> bool:
        """Return whether the wheel is for a conda platform (or for any)."""
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
        hint = spelled_out([one] if (one := as_wheel(text)) else []) or "use pip's form, name==1.2.3"
        raise ConfigError(f"not a requirement: {text!r}", hint=hint) from error
    if found.url or found.marker:
        raise ConfigError(f"requirement {text!r} has a URL or a marker, which a pin cannot have")
    return found


class Project:
    """The files of one project page, taken apart once for all the requirements that ask for it.

    Args:
        name: of the project, in any spelling.
        files: as the page lists them; those of other projects and those nobody can read are passed over.
    """

    def __init__(self, name: str, files: Iterable[IndexFile]) -> None:
        self.name = str(canonicalize_name(name))
        self._wheels: dict[Version, list[Wheel]] = {}
        self._public: dict[str, list[Version]] = {}
        sdists = {version for file in files if (version := self._add(file)) is not None}
        self._bare = sorted(one for one in sdists if one not in self._wheels)
        self._newest_first = sorted(self._wheels, reverse=True)
        for version in self._newest_first:
            self._public.setdefault(_public(version), []).append(version)
        wheels_of_a_release = any(not one.is_prerelease for one in self._wheels)
        bare = [one for one in self._bare if not one.is_prerelease]
        self._placeholders_below = max([_FIRST, *(() if wheels_of_a_release else bare)])

    def _add(self, file: IndexFile) -> Version | None:
        """Take a wheel in; return the version of a file that is an sdist."""
        try:
            if file.filename.endswith(".whl"):
                name, version, build, tags = parse_wheel_filename(file.filename)
                if name == self.name:
                    self._wheels.setdefault(version, []).append(Wheel(file, version, build, tags))
                return None
            name, version = parse_sdist_filename(file.filename)
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion, ValueError):
            return None  # eggs, or a name nobody can read
        return version if name == self.name and not file.yanked else None

    def versions(self, requirement: Requirement) -> Iterator[Version]:
        """Give the versions with wheels that a requirement admits, the newest first.

        Withdrawn ones are admitted by an exact version only. Pre-releases are for those who ask, or where nothing
        else was ever released; a placeholder is nothing anybody asked for.
        """
        exact = _exact(requirement)
        there = [one for one in self._near(requirement) if exact or not self._is_withdrawn(one)]
        asked = True if requirement.specifier.prereleases else None
        found = False
        for one in there:
            if (asked or not one.is_prerelease) and requirement.specifier.contains(one, prereleases=True):
                found = True
                yield one
        if not found and not asked:
            later = (one for one in there if one.is_prerelease and not self._is_placeholder(one))
            yield from (one for one in later if requirement.specifier.contains(one, prereleases=True))

    def wheels(self) -> Iterator[Wheel]:
        """Give all wheels, the newest version first."""
        for version in self._newest_first:
            yield from self._wheels[version]

    def of(self, version: Version) -> list[Wheel]:
        """Return the wheels of a version."""
        return self._wheels[version]

    def select(self, requirement: Requirement, subdirs: Sequence[str]) -> list[Wheel]:
        """Return the wheels of the newest version that fits on every platform, of several builds the last.

        Raises:
            PinError: no version fits, or none has a wheel for every platform.
            TrustError: one file name has several hashes.
        """
        newest = None
        for version in self.versions(requirement):
            found = self._for(version, subdirs)
            if all(any(one.runs_on(subdir) for one in found) for subdir in subdirs):
                return _last_builds([_agreed(self.of(version), one) for one in found])
            newest = newest or version
        raise self._no_platform(newest, subdirs) if newest else self._nothing(requirement)

    def _near(self, requirement: Requirement) -> list[Version]:
        """Return the versions that may fit, the newest first: of an exact requirement only those that can."""
        for one in requirement.specifier:
            if one.operator == "==" and not one.version.endswith(".*"):
                return self._public.get(_public(Version(one.version)), [])
        return self._newest_first

    def _is_withdrawn(self, version: Version) -> bool:
        return all(one.file.yanked for one in self._wheels[version])

    def _is_placeholder(self, version: Version) -> bool:
        """Return whether it only holds a name: a pre-release of 0.0.1, or before releases none of which has wheels."""
        return version.is_prerelease and version < self._placeholders_below

    def _for(self, version: Version, subdirs: Sequence[str]) -> list[Wheel]:
        """Return the wheels of a version for some platforms; withdrawn ones where a platform has no other."""
        found: dict[str, Wheel] = {}
        for subdir in subdirs:
            here = [one for one in self.of(version) if one.runs_on(subdir)]
            good = [one for one in here if not one.file.yanked] or here
            for one in sorted(good, key=_worth):
                found.setdefault(one.file.filename, one)
        return list(found.values())

    def _no_platform(self, version: Version, subdirs: Sequence[str]) -> PinError:
        found = self._for(version, [*list(_MACHINES), "win-64"])
        missing = [subdir for subdir in subdirs if not any(one.runs_on(subdir) for one in found)]
        named = ", ".join(sorted({one.file.filename for one in self.of(version)})[:_SHOWN])
        if not missing:
            return PinError(
                f"{self.name}: no version that fits has wheels for all of {', '.join(subdirs)}",
                hint="pin an older version for one of them, with a separate pin for each",
            )
        return PinError(
            f"{self.name} {version} has no wheel for {', '.join(missing)}",
            hint=f"remove the platform from `subdirs`, or pin a version that has it; files there: {named}",
        )

    def _nothing(self, requirement: Requirement) -> PinError:
        """Return why nothing fits, and what to do."""
        fitting = [one for one in self._newest_first if requirement.specifier.contains(one, prereleases=True)]
        bare = [one for one in self._bare if requirement.specifier.contains(one, prereleases=True)]
        hint = self._offered(requirement)
        if fitting and all(map(self._is_withdrawn, fitting)):
            reason = next((one.file.reason for one in self.of(fitting[0]) if one.file.reason), "no reason given")
            hint += f"; `{self.name}=={fitting[0]}` pins it anyway"
            return PinError(f"pin '{requirement}': {fitting[0]} was withdrawn (yanked: {reason})", hint=hint)
        why = ""
        if bare:
            why = f": {bare[-1]} has no wheel, only a source package"
        elif fitting:
            why = f": there are only placeholders ({', '.join(map(str, fitting[-_SHOWN:]))})"
        return PinError(f"pin '{requirement}' matches no wheel{why}", hint=hint)

    def _offered(self, requirement: Requirement) -> str:
        """Return a hint: what the project is called now, and versions there, those near the one asked for first."""
        there = [one for one in self._newest_first if not self._is_withdrawn(one) and not self._is_placeholder(one)]
        asked = {tuple(one.version.split(".")[:2]) for one in requirement.specifier}
        near = [one for one in there if tuple(str(one).split(".")[:2]) in asked]
        listed = ", ".join(map(str, sorted((near or there)[:_SHOWN]))) or "none"
        now = called_now(self.name)
        return f"{now}; versions there: {listed}" if now else f"versions there: {listed}"


def _public(version: Version) -> str:
    """Return what versions have in common that an exact requirement without a local part admits."""
    return canonicalize_version(version.public)


def _agreed(wheels: Iterable[Wheel], chosen: Wheel) -> Wheel:
    """Return the wheel with all that the links to a file of its name say; refuse links that contradict each other."""
    same = [one.file for one in wheels if one.file.filename == chosen.file.filename]
    if len(same) == 1:
        return chosen
    for name in ("sha256", "sha512", "sha384", "sha224", "sha1", "md5"):
        said = {one.sha256 if name == "sha256" else dict(one.hashes).get(name, "") for one in same} - {""}
        if len(said) > 1:
            raise TrustError(
                f"{chosen.file.filename}: the page gives several hashes for one file name ({name} "
                f"{' and '.join(sorted(said))})",
                hint="the index contradicts itself: pin another version, or ask whoever runs it",
            )
    size = next((one.size for one in same if one.size is not None), None)
    uploaded = min((one.uploaded for one in same if one.uploaded), default="")
    return replace(chosen, file=replace(chosen.file, size=size, uploaded=uploaded))


def _worth(one: Wheel) -> tuple[bool, int]:
    """Return what the links to one file are sorted by: one that gives a sha256 first, then other hashes."""
    return (not one.file.sha256, -len(one.file.hashes))


def _last_builds(wheels: list[Wheel]) -> list[Wheel]:
    """Of wheels that differ only in their build tag keep the highest, as pip does."""
    best: dict[frozenset[Tag], Wheel] = {}
    for one in sorted(wheels, key=lambda wheel: (wheel.build, wheel.file.filename)):
        best[one.tags] = one
    return sorted(best.values(), key=lambda wheel: wheel.file.filename)


def _exact(requirement: Requirement) -> bool:
    return any(one.operator in ("==", "===") and not one.version.endswith("*") for one in requirement.specifier)
