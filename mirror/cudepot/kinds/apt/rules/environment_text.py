"""What apt needs of an environment: who needs whom in it, what installs it, and what holds a client to it. Pure.

Formats: apt_preferences(5). Clients see the members of an environment and nothing else of the site (ADR 0052).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from cudepot.catalog.ecosystems import APT, ENVIRONMENTS
from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import Graph
from cudepot.errors import FormatError
from cudepot.formats.apt import Relation, parse_relations
from cudepot.kinds.apt.rules.client_text import AptClient
from cudepot.kinds.rules.command_lines import command

DEFAULT = 500
"""The priority of a repository that no preference names."""


def index_of(environment: str) -> str:
    """Return the folder of the site that has the files of an environment alone; it ends in a slash."""
    return f"{ENVIRONMENTS}/{environment}/{APT.room}/"


def solution_graph(environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom among the packages of a target."""
    those = {one.name: one for one in files}
    needs = {name: tuple(_needed(one, those)) for name, one in those.items()}
    asked = (_name(text) for text in (*environment.roots, *target.roots))
    return Graph(
        {name: (one,) for name, one in those.items()}, tuple(dict.fromkeys(one for one in asked if one in those)), needs
    )


def _name(spec: str) -> str:
    """Return the name of what was asked for: ``NAME``, ``NAME=VERSION`` or ``NAME:ARCHITECTURE``."""
    return spec.partition("=")[0].partition(":")[0].partition(" ")[0]


def _needed(one: Artifact, there: Mapping[str, Artifact]) -> list[str]:
    """Return the packages of a target that a package was locked with; a virtual one is told by who provides it."""
    found = (_first(group, there) for text in one.requires for group in _groups(text))
    return list(dict.fromkeys(name for name in found if name and name != one.name))


def _groups(text: str) -> list[list[Relation]]:
    try:
        return parse_relations(text)
    except FormatError:
        return []  # of a newer cudepot


def _first(group: Sequence[Relation], there: Mapping[str, Artifact]) -> str:
    return next((one.name for one in group if one.name in there and one.admits(there[one.name].version)), "")


def texts(site: Exported, environment: LockedEnvironment) -> dict[str, str]:
    """Return for each target a list of what it has, ``NAME=VERSION`` as ``apt-get install`` takes it."""
    return {f"{environment.name}-{one.name}.list": _listed(site, one) for one in environment.targets}


def _listed(site: Exported, target: LockedTarget) -> str:
    files = (site.artifacts[member.upstream, member.filename] for member in target.members)
    return "".join(sorted(f"{one.name}={one.version}\n" for one in files))


def commands(environment: LockedEnvironment, target: LockedTarget, url: str) -> dict[str, str]:
    """Return how apt installs all of an environment, on a client of its repositories, and how a machine is made of it.

    ``url`` is the site's, without a slash at its end.
    """
    asked = [_name(one) for one in (*environment.roots, *target.roots)]
    found = {APT.tool: command("sudo apt-get install", asked)}
    if dict(target.fields).get("bootstrap"):
        made = (
            f'mmdebstrap {environment.name} MACHINE "deb [signed-by=$PWD/site.gpg] {url}/apt {environment.name} main"'
        )
        found["mmdebstrap"] = f"curl -fsSLO '{url}/keys/site.gpg'\n{made}"
    return found


def preferences(clients: Sequence[AptClient], priorities: Mapping[str, int], url: str) -> bytes:
    """Return the preferences that let a client see the members of an environment, and nothing else of the site.

    A version that is installed already stays what it is for apt (100): nothing is downgraded, unless somebody gave
    an upstream more than 1000.

    Args:
        clients: the repositories, with the members' versions.
        priorities: upstream → what apt's preferences call a priority.
        url: of the site: what it has beside the members is told by its host.
    """
    found = dict.fromkeys(_members(clients, priorities))
    records = [f"Package: {name}\nPin: version {one}\nPin-Priority: {at}\n" for name, one, at in found]
    beside = f'Package: *\nPin: origin "{urlsplit(url).hostname or ""}"\nPin-Priority: -1\n'
    return "\n".join([*records, beside]).encode()


def _members(clients: Iterable[AptClient], priorities: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    for one in clients:
        for name, versions in sorted(one.versions.items()):
            yield from ((name, version, priorities.get(one.upstream, DEFAULT)) for version in versions)
