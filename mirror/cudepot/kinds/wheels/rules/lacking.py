"""Names everything that was resolved and has no wheel for some target, all of it in one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from cudepot.errors import PinError
from cudepot.kinds.wheels.rules.best_wheel import best_wheel
from cudepot.kinds.wheels.rules.served import Release, Served
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.rules.walk import Walk

_SHOWN = 6  # files, targets or platforms in a line


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

    @property
    def is_source(self) -> bool:
        """Whether it was published as a source alone."""
        return not self.release.wheels and not self.release.others

    def told(self) -> str:
        """Return one line about it."""
        wanted = f", wanted by {' → '.join(self.chain[:-1])}" if len(self.chain) > 1 else ""
        what = f"{self.served.project} {self.release.version} ({_targets(self.targets)}{wanted})"
        if self.is_source:
            return f"{what}: only a source package, {self.release.sdists[0].filename}"
        source = " (and a source package)" if self.release.sdists else ""
        return f"{what}: there {_listed(self._there())}{source}"

    def _there(self) -> list[str]:
        """Return the tags of the wheels there are, nearest first: those for another Python or C library of a target."""
        machines = {one.machine.lower() for one in self.targets}
        found = {one.tags for one in (*self.release.wheels, *self.release.others)}
        return sorted(found, key=lambda text: (not any(text.lower().endswith(one) for one in machines), text))

    def instead(self) -> str:
        """Return the newest version below that has wheels for all that need it; empty where there is none."""
        for version in sorted(self.served.releases, reverse=True):
            release = self.served.releases[version]
            calm = not version.is_prerelease and version < self.release.version
            if calm and all((best := best_wheel(release, one)) and not best.file.yanked for one in self.all_targets):
                return f"{self.served.project}=={version}"
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


def refuse(lacks: Sequence[Lack]) -> PinError:
    """Return the error that names all of them."""
    lines = [f"  {one.told()}" for one in lacks]
    count = f"{len(lacks)} projects have" if len(lacks) > 1 else f"{lacks[0].served.project} has"
    return PinError("\n".join([f"{count} no wheel for all targets:", *lines]), hint="; ".join(_ways(lacks)))


def _ways(lacks: Sequence[Lack]) -> list[str]:
    """Return what can be done."""
    sources = [one.served.project for one in lacks if one.release.sdists]
    instead = [found for one in lacks if (found := one.instead())]
    build = (
        f"build = [{', '.join(map(_quoted, dict.fromkeys(sources)))}] makes wheels of the sources" if sources else ""
    )
    older = f"constraints = [{', '.join(map(_quoted, instead))}] takes versions with wheels for all" if instead else ""
    other = "" if len(instead) == len(lacks) else "leave out targets or who wants it, or raise `glibc`"
    return [one for one in (build, older, other) if one]


def _targets(targets: Sequence[Target]) -> str:
    names = [f"{one.name} with glibc {one.glibc}" if one.is_linux else one.name for one in targets]
    return _listed(list(dict.fromkeys(names)))


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _quoted(text: str) -> str:
    return f'"{text}"'
