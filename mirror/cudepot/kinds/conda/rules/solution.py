"""What was locked of an environment's conda packages: who needs whom, its channel on the site, files that install it.

Pure. Format: ``@EXPLICIT`` files as ``conda list --explicit --sha256`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from cudepot.catalog.ecosystems import CONDA, ENVIRONMENTS
from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import Graph
from cudepot.formats.conda_record import without_suffix
from cudepot.formats.conda_repodata import depended
from cudepot.kinds.conda.rules.machines import described
from cudepot.kinds.rules.command_lines import command


def index_of(environment: str) -> str:
    """Return the folder of the site that has the channel of an environment alone; it ends in a slash."""
    return f"{ENVIRONMENTS}/{environment}/{CONDA.room}/"


def solution_graph(environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom among the packages of a target."""
    those = {one.name: one for one in files}
    needs = {name: tuple(_needed(one, those)) for name, one in those.items()}
    roots = dict.fromkeys(name for one in (*environment.roots, *target.roots) if (name := depended(one)) in those)
    return Graph({name: (one,) for name, one in those.items()}, tuple(roots), needs)


def _needed(one: Artifact, there: Mapping[str, Artifact]) -> list[str]:
    depends = json.loads(one.record).get("depends") or ()
    return list(dict.fromkeys(name for spec in depends if (name := depended(spec)) in there))


def texts(site: Exported, environment: LockedEnvironment) -> dict[str, str]:
    """Return files for each target: two that are installed without solving, and an environment file.

    Of the first two one has sha256, the other, which conda before 24.9 takes, MD5: where all packages have one.
    """
    found: dict[str, str] = {}
    for one in environment.targets:
        stem = f"{environment.name}-{one.name}"
        found |= {f"{stem}.txt": _explicit(site, environment, one), f"{stem}.yml": _whole(site, environment, one)}
        if all(_md5(site.artifacts[member.upstream, member.filename]) for member in one.members):
            found[f"{stem}-md5.txt"] = _explicit(site, environment, one, old=True)
    return found


def _md5(one: Artifact) -> str:
    return str(json.loads(one.record).get("md5") or "")


def _explicit(site: Exported, environment: LockedEnvironment, target: LockedTarget, *, old: bool = False) -> str:
    head = [
        f"# environment {environment.name} for {target.name}, snapshot {site.number} of {site.label}",
        f"# platform: {dict(target.fields)['platform']}",
        f"# machines: {described(target)}",
        "@EXPLICIT",
    ]
    files = (site.artifacts[member.upstream, member.filename] for member in target.members)
    lines = [
        f"{site.url}/{quote(one.site_path)}#{_md5(one) if old else f'sha256:{one.digest.sha256}'}" for one in files
    ]
    return "\n".join([*head, *sorted(lines), ""])


def _whole(site: Exported, environment: LockedEnvironment, target: LockedTarget) -> str:
    """Return an environment file that names every package by version and build, and the environment's own channel."""
    files = [site.artifacts[member.upstream, member.filename] for member in target.members]
    lines = [
        f"# environment {environment.name} for {target.name}, snapshot {site.number} of {site.label}",
        f"# machines: {described(target)}",
        f"name: {json.dumps(environment.name)}",
        "channels:",
        f"  - {json.dumps(_channel(site.url, environment.name))}",
        "dependencies:",
        *sorted(f"  - {json.dumps('='.join(_parts(one)))}" for one in files),
    ]
    return "\n".join([*lines, ""])


def _channel(url: str, environment: str) -> str:
    return f"{url}/{index_of(environment)}".rstrip("/")


def _parts(one: Artifact) -> list[str]:
    """Return name, version and build of a package."""
    return without_suffix(one.filename.rpartition("/")[2]).rsplit("-", 2)


def commands(environment: LockedEnvironment, target: LockedTarget, url: str) -> dict[str, str]:
    """Return how conda and mamba install all of an environment from its own channel; ``url`` has no slash."""
    options = f"--name {environment.name} --override-channels --channel '{_channel(url, environment.name)}'"
    asked = [*environment.roots, *target.roots]
    return {program: command(f"{program} create {options}", asked) for program in ("conda", "mamba")}
