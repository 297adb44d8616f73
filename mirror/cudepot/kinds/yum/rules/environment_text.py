"""What dnf needs of an environment: who needs whom in it, and what installs it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cudepot.catalog.ecosystems import ENVIRONMENTS, YUM
from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import Graph
from cudepot.formats.rpm_version import split_evr
from cudepot.kinds.rules.command_lines import command
from cudepot.kinds.yum.rules.pins import read_ways


def index_of(environment: str) -> str:
    """Return the folder of the site that has the files of an environment alone; it ends in a slash."""
    return f"{ENVIRONMENTS}/{environment}/{YUM.room}/"


def solution_graph(environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom among the packages of a target."""
    those: dict[str, list[Artifact]] = {}
    for one in files:
        those.setdefault(one.name, []).append(one)
    needs = {name: _needed(name, several, those) for name, several in those.items()}
    asked = (_name(text, those) for text in (*environment.roots, *target.roots))
    roots = dict.fromkeys(name for name in asked if name)
    alone = [name for name in those if not any(name in several for several in needs.values())]
    return Graph(those, (*roots, *(name for name in alone if name not in roots)), needs)


def _needed(name: str, several: Iterable[Artifact], there: Mapping[str, object]) -> tuple[str, ...]:
    found = (text.partition(" ")[0] for one in several for text in one.requires)
    return tuple(dict.fromkeys(one for one in found if one in there and one != name))


def _name(spec: str, there: Mapping[str, object]) -> str:
    """Return the package a root means; empty for a group, a module, or what packages provide under other names."""
    return next((way.name for way in read_ways(spec, "", ()) if way.name in there), "")


def texts(site: Exported, environment: LockedEnvironment) -> dict[str, str]:
    """Return two lists for each target: one as ``dnf install`` takes it, and one for its versionlock plugin."""
    found: dict[str, str] = {}
    for one in environment.targets:
        files = [site.artifacts[member.upstream, member.filename] for member in one.members]
        stem = f"{environment.name}-{one.name}"
        found[f"{stem}.list"] = "".join(sorted(f"{_long(each)}.{each.architecture}\n" for each in files))
        found[f"{stem}-versionlock.list"] = "".join(sorted({f"{_long(each)}.*\n" for each in files}))
    return found


def _long(one: Artifact) -> str:
    epoch, version, release = split_evr(one.version)
    return f"{one.name}-{epoch}:{version}-{release}"


def commands(environment: LockedEnvironment, target: LockedTarget, url: str) -> dict[str, str]:  # noqa: ARG001 - port
    """Return how dnf installs all of an environment, on a client of its repositories."""
    begin = "sudo dnf install --setopt='*.skip_if_unavailable=1'"
    return {YUM.tool: command(begin, [*environment.roots, *target.roots])}
