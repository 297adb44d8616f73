"""A program of its own: solves environments over conda channels, by rattler's solver, until its stdin ends.

Each line of stdin is a JSON object: ``{"sources": [{"channel": NAME, "subdir": SUBDIR, "path": FILE}, …], "targets":
[{"platform": SUBDIR, "specs": […], "virtual": {NAME: [VERSION, BUILD], …}, "locked": [[CHANNEL, SUBDIR, FILE], …],
"priority": "strict"}, …]}``; sources in the order of priority, and a file never changes. Each line of stdout answers
one: ``{"solutions": [{"found": [[CHANNEL, SUBDIR, FILE], …], "refused": ""}, …]}``. It is a child, because rattler's
threads may crash an interpreter that ends in the ordinary way.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rattler
from rattler.package import BuildString

_BASE = "file:///channels/"
_PRIORITIES = {"strict": rattler.ChannelPriority.Strict, "flexible": rattler.ChannelPriority.Flexible}
_MOST = 1500  # characters of the solver's explanation
Place = tuple[str, str, str]


def _source(one: Mapping[str, str]) -> rattler.SparseRepoData:
    return rattler.SparseRepoData(rattler.Channel(f"{_BASE}{one['channel']}"), one["subdir"], Path(one["path"]))


def _place(record: rattler.RepoDataRecord) -> Place:
    channel, subdir, filename = str(record.url).removeprefix(_BASE).rsplit("/", 2)
    return channel, subdir, filename


def _locked(target: Mapping[str, Any], sources: Sequence[rattler.SparseRepoData]) -> list[rattler.RepoDataRecord]:
    """Return the records that are locked and still there."""
    wanted = {(one[0], one[1], one[2]) for one in target["locked"]}
    names = dict.fromkeys(one[2].rsplit("-", 2)[0] for one in target["locked"])
    every = (
        record for source in sources for name in names for record in source.load_records(rattler.PackageName(name))
    )
    found = [one for one in every if _place(one) in wanted]
    if "pip" in names:
        for one in found:
            if one.name.normalized == "python":
                one.depends = [*one.depends, "pip"]  # rattler does so where it reads the record itself
    return found


async def _solved(target: Mapping[str, Any], sources: Sequence[rattler.SparseRepoData]) -> dict[str, Any]:
    here = [one for one in sources if one.subdir in (target["platform"], "noarch")]
    try:
        found = await rattler.solve(
            sources=here,
            specs=[rattler.MatchSpec(one, strict=False) for one in target["specs"]],
            platforms=[rattler.Subdir(target["platform"]), rattler.Subdir("noarch")],
            locked_packages=_locked(target, here),
            virtual_packages=[
                rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(version), BuildString(build))
                for name, (version, build) in target["virtual"].items()
            ],
            channel_priority=_PRIORITIES[target["priority"]],
            add_pip_as_python_dependency=True,
        )
    except Exception as error:  # noqa: BLE001 - whatever the solver refuses is no solution
        said = " ".join(re.sub(r"[│├└─]+", " ", str(error)).split())
        return {"found": [], "refused": said[:_MOST] or type(error).__name__}
    return {"found": sorted(map(_place, found)), "refused": ""}


async def _serve() -> None:
    sources: dict[str, rattler.SparseRepoData] = {}
    for line in sys.stdin:
        job = json.loads(line)
        sources = {one["path"]: sources.get(one["path"]) or _source(one) for one in job["sources"]}
        there = list(sources.values())
        found = [await _solved(one, there) for one in job["targets"]]
        sys.stdout.write(json.dumps({"solutions": found}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
    os._exit(0)
