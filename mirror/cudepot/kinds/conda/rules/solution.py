"""What was locked of an environment's conda packages: who needs whom, its channel on the site, files that install it.

Pure. Format: ``@EXPLICIT`` files as ``conda list --explicit --sha256`` writes them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from cudepot.catalog.ecosystems import CONDA, ENVIRONMENTS
from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import Graph
from cudepot.formats.conda_repodata import depended


def index_of(environment: str) -> str:
    """Return the folder of the site that has the channel of an environment alone; it ends in a slash."""
    return f"{ENVIRONMENTS}/{environment}/{CONDA.room}/"


def solution_graph(environment: LockedEnvironment, files: Iterable[Artifact]) -> Graph:
    """Return who needs whom among the packages of a target."""
    those = {one.name: one for one in files}
    needs = {name: tuple(_needed(one, those)) for name, one in those.items()}
    roots = tuple(name for one in environment.roots if (name := depended(one)) in those)
    return Graph({name: (one,) for name, one in those.items()}, roots, needs)


def _needed(one: Artifact, there: Mapping[str, Artifact]) -> list[str]:
    depends = json.loads(one.record).get("depends") or ()
    return list(dict.fromkeys(name for spec in depends if (name := depended(spec)) in there))


def explicit_files(site: Exported, environment: LockedEnvironment) -> dict[str, str]:
    """Return a file for each target that conda, mamba and pixi install without solving."""
    return {f"{environment.name}-{one.name}.txt": _explicit(site, environment, one) for one in environment.targets}


def _explicit(site: Exported, environment: LockedEnvironment, target: LockedTarget) -> str:
    head = [
        f"# environment {environment.name} for {target.name}, snapshot {site.number} of {site.label}",
        f"# platform: {dict(target.fields)['platform']}",
        "@EXPLICIT",
    ]
    files = (site.artifacts[member.upstream, member.filename] for member in target.members)
    lines = [f"{site.url}/{quote(one.site_path)}#sha256:{one.digest.sha256}" for one in files]
    return "\n".join([*head, *sorted(lines), ""])


def commands(environment: LockedEnvironment, url: str) -> tuple[str, ...]:
    """Return the ways to install all of an environment from its channel; ``url`` is the site, without a slash."""
    channel = f"{url}/{index_of(environment.name)}".rstrip("/")
    specs = " ".join(map(shlex.quote, environment.roots))
    return (f"conda create -n {environment.name} --override-channels -c {channel} {specs}",)
