"""Names everything that was resolved and has no wheel for some target, all of it in one error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.version import Version

from cudepot.errors import PinError
from cudepot.kinds.wheels.rules.best_wheel import best_wheel
from cudepot.kinds.wheels.rules.fitting import rank
from cudepot.kinds.wheels.rules.served import Release, Served
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.rules.walk import Walk

_MANYLINUX = re.compile(r"manylinux_2_(\d{1,3})_")
_SHOWN = 4  # targets or wheels in a line


@dataclass(slots=True)
class Lack:
    """A version without a wheel for some targets.

    Attributes:
        served: its project.
        release: its files.
        targets: those it has no wheel for.
        all_targets: those that need it.
        chain: who wants it, from what the environment asks for down to the project.
    """

    served: Served
    release: Release
    chain: Sequence[str]
    targets: list[Target] = field(default_factory=list)
    all_targets: list[Target] = field(default_factory=list)

    def of(self, served: Served) -> Lack:
        """Return the same, of a project that shows more files."""
        return replace(self, served=served, release=served.releases.get(self.release.version, self.release))

    @property
    def is_source(self) -> bool:
        """Whether it was published as a source alone."""
        return not self.release.wheels and not self.release.others

    def line(self) -> str:
        """Return one line about it."""
        wanted = f", wanted by {' → '.join(self.chain[:-1])}" if len(self.chain) > 1 else ""
        what = f"{self.served.project} {self.release.version} ({_targets(self.targets)}{wanted})"
        if self.is_source:
            return f"{what}: only a source package, {self.release.sdists[0].filename}"
        source = " (and a source package)" if self.release.sdists else ""
        return f"{what}: {self._there()}{source}"

    def _there(self) -> str:
        """Return which wheels there are: those nearest to the targets, and how many others."""
        wheels = [*self.release.wheels, *self.release.others]
        far = {one.tags: self._distance(one.tags) for one in wheels}
        near = sorted((text for text, distance in far.items() if distance == min(far.values())), key=_newest_first)
        pythons = sorted({one.file.requires_python for one in wheels if one.file.requires_python})
        fits = any(rank(text, one) is not None for text in near for one in self.targets)
        only = f" for Python {', '.join(pythons)}" if fits and pythons else ""
        others = f" and {len(far) - len(near)} for other machines" if len(far) > len(near) else ""
        return f"there is {_listed(near)}{only}{others}"

    def _distance(self, tags: str) -> tuple[bool, bool]:
        """Return how far a wheel is from the targets: whether another machine's, whether another Python's."""
        interpreter, abi, platforms = tags.split("-")
        pythons = {name for one in self.targets for name in ("py3", "cp{}{}".format(*one.minor))}
        mine = platforms == "any" or any(_is_like(platforms, one) for one in self.targets)
        return not mine, not (abi == "abi3" or pythons & set(interpreter.split(".")))

    def glibc(self) -> int:
        """Return the minor version of the oldest glibc with which no wheel would be lacking; 0 where none helps."""
        release = replace(self.release, wheels=[*self.release.wheels, *self.release.others])
        for minor in sorted({int(found) for one in release.wheels for found in _MANYLINUX.findall(one.tags)}):
            newer = [replace(one, glibc=f"2.{minor}") if one.is_linux else one for one in self.targets]
            if all(best_wheel(release, one) for one in newer):
                return minor
        return 0

    def instead(self) -> str:
        """Return the newest version below that has wheels for all that need it; empty where there is none."""
        for version in sorted(self.served.releases, reverse=True):
            release = self.served.releases[version]
            calm = not version.is_prerelease and version < self.release.version
            if calm and all((best := best_wheel(release, one)) and not best.file.yanked for one in self.all_targets):
                return f"{self.served.project} {version}"
        return ""


def lacking(walks: Mapping[Target, Walk], served: Mapping[str, Served], built: frozenset[str]) -> list[Lack]:
    """Return the versions that lack wheels, by project; ``built`` names projects whose sources are built."""
    found: dict[tuple[str, Version], Lack] = {}
    for target, walk in walks.items():
        for need in walk.needs.values():
            project, version = need.package.name, need.package.version
            release = served[project].releases[version]
            new = Lack(served[project], release, walk.chain(project))
            lack = found.setdefault((project, version), new)
            lack.all_targets.append(target)
            if best_wheel(release, target, need.levels) is None and not (release.sdists and project in built):
                lack.targets.append(target)
    return [lack for _, lack in sorted(found.items()) if lack.targets]


def refuse(lacks: Sequence[Lack], whole: Callable[[str], Served | None]) -> PinError:
    """Return the error that names all of them; ``whole`` gives a project with wheels for other machines too."""
    lacks = [one.of(whole(one.served.project) or one.served) for one in lacks]
    lines = [f"  {one.line()}" for one in lacks]
    who = f"{len(lacks)} projects lack wheels" if len(lacks) > 1 else f"{lacks[0].served.project} lacks a wheel"
    return PinError("\n".join([f"{who} for some targets:", *lines]), hint="; ".join(_ways(lacks)))


def _ways(lacks: Sequence[Lack]) -> list[str]:
    """Return what can be done; what only comes with another that lacks wheels needs no advice of its own."""
    names = {one.served.project for one in lacks}
    first = [one for one in lacks if not names & set(one.chain[:-1])]
    newer = {one.served.project: minor for one in lacks if (minor := one.glibc())}
    sources = dict.fromkeys(one.served.project for one in lacks if one.release.sdists)
    older = [found for one in first if (found := one.instead())]
    glibc = f'with `glibc = "2.{max(newer.values())}"` there are wheels for {_all(newer, lacks)}' if newer else ""
    build = f"build = [{', '.join(map(_quoted, sources))}] builds wheels from the sources" if sources else ""
    instead = f"older versions have wheels for all: {', '.join(older)}" if older else ""
    other = (
        ""
        if len(older) == len(first) or len(newer) == len(lacks)
        else ("leave out targets, or the package that requires it")
    )
    return [one for one in (glibc, build, instead, other) if one]


def _all(names: Iterable[str], lacks: Sequence[Lack]) -> str:
    found = list(names)
    return "all" if len(found) == len(lacks) else _listed(found)


def _targets(targets: Sequence[Target]) -> str:
    names = [f"{one.name} with glibc {one.glibc}" if one.is_linux else one.name for one in targets]
    return _listed(list(dict.fromkeys(names)))


def _is_like(platforms: str, target: Target) -> bool:
    """Return whether a wheel's platforms are a target's but for the C library."""
    system = ("linux", "manylinux") if target.is_linux else ("win",)
    return platforms.startswith(system) and platforms.endswith(target.machine.lower())


def _newest_first(tags: str) -> tuple[int, str]:
    number = "".join(one for one in tags.partition("-")[0].partition(".")[0] if one.isdecimal())
    return -int(number or 0), tags


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _quoted(text: str) -> str:
    return f'"{text}"'
