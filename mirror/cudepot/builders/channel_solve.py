"""A program of its own: solves environments over conda channels, by rattler's solver, until its stdin ends.

Each line of stdin is a JSON object: ``{"root": PATH, "channels": [NAME, …], "targets": [{"platform": SUBDIR, "specs":
[…], "virtual": {NAME: [VERSION, BUILD], …}, "locked": [[CHANNEL, SUBDIR, FILE], …], "priority": "strict"}, …]}``;
channels in the order of priority, and the root has a folder for each, ``0``, ``1`` and so on; what is in it never
changes. Each line of stdout answers one: ``{"solutions": [{"found": [[CHANNEL, SUBDIR, FILE], …], "refused": ""},
…]}``. It is a child, because rattler's threads may crash an interpreter that ends in the ordinary way.
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

_PRIORITIES = {"strict": rattler.ChannelPriority.Strict, "flexible": rattler.ChannelPriority.Flexible}
_MOST = 1500  # characters of the solver's explanation
_PLAIN = rattler.SourceConfig(sharded_enabled=False, zstd_enabled=False, jlap_enabled=False, bz2_enabled=False)
Place = tuple[str, str, str]


class _Channels:
    """What there is, read by rattler's gateway: it keeps each record that it has read for the next question."""

    def __init__(self, folder: str, names: Sequence[str]) -> None:
        base = Path(folder).as_uri()
        self.folder = folder
        self.gateway = rattler.Gateway(cache_dir=Path(folder, "cache"), default_config=_PLAIN)
        self.sources = [rattler.Channel(f"{base}/{number}") for number in range(len(names))]
        self._base, self._names = base, names

    def place(self, record: rattler.RepoDataRecord) -> Place:
        """Return channel, subdir and file name of a record."""
        number, subdir, filename = str(record.url).removeprefix(f"{self._base}/").split("/")
        return self._names[int(number)], subdir, filename

    async def locked(self, target: Mapping[str, Any], platforms: list[rattler.Subdir]) -> list[rattler.RepoDataRecord]:
        """Return the records that are locked and still there."""
        wanted = {(one[0], one[1], one[2]) for one in target["locked"]}
        names = dict.fromkeys(one[2].rsplit("-", 2)[0] for one in target["locked"])
        every = await self.gateway.query(self.sources, platforms, list(names), recursive=False) if names else []
        found = [one for records in every for one in records if self.place(one) in wanted]
        if "pip" in names:
            for one in found:
                if one.name.normalized == "python":
                    one.depends = [*one.depends, "pip"]  # rattler does so where it reads the record itself
        return found


async def _solved(target: Mapping[str, Any], there: _Channels) -> dict[str, Any]:
    platforms = [rattler.Subdir(target["platform"]), rattler.Subdir("noarch")]
    try:
        found = await rattler.solve(
            sources=there.sources,
            gateway=there.gateway,
            specs=[rattler.MatchSpec(one, strict=False) for one in target["specs"]],
            platforms=platforms,
            locked_packages=await there.locked(target, platforms),
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
    return {"found": sorted(map(there.place, found)), "refused": ""}


async def _serve() -> None:
    there: _Channels | None = None
    for line in sys.stdin:
        job = json.loads(line)
        if there is None or there.folder != job["root"]:
            there = _Channels(job["root"], job["channels"])
        found = await asyncio.gather(*(_solved(one, there) for one in job["targets"]))
        sys.stdout.write(json.dumps({"solutions": found}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
    os._exit(0)
