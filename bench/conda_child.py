"""A program of its own: solves environments as py-rattler's own gateway and solver do; a job on stdin, JSON on stdout.

``{"channel": URL, "cache": FOLDER, "form": "shards", "targets": [{"platform": …, "specs": […], "virtual": {NAME:
VERSION}}, …]}`` gives ``{"rss_mb": …, "found": [[file name, …], …]}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rattler
from rattler.package import BuildString

_OFF = {"shards": (), "zst": ("sharded_enabled",), "plain": ("sharded_enabled", "zstd_enabled")}


async def _solved(gateway: rattler.Gateway, channel: rattler.Channel, target: Mapping[str, Any]) -> list[str]:
    found = await rattler.solve(
        sources=[channel],
        gateway=gateway,
        specs=[rattler.MatchSpec(one, strict=False) for one in target["specs"]],
        platforms=[rattler.Subdir(target["platform"]), rattler.Subdir("noarch")],
        virtual_packages=[
            rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(version), BuildString("0"))
            for name, version in target["virtual"].items()
        ],
        channel_priority=rattler.ChannelPriority.Strict,
        add_pip_as_python_dependency=True,
    )
    return sorted(f"{one.subdir}/{one.file_name}" for one in found)


async def _each(job: Mapping[str, Any]) -> list[list[str]]:
    config = rattler.SourceConfig(jlap_enabled=False, bz2_enabled=False, **dict.fromkeys(_OFF[job["form"]], False))
    gateway = rattler.Gateway(cache_dir=Path(job["cache"]), default_config=config)
    channel = rattler.Channel(job["channel"])
    return [await _solved(gateway, channel, one) for one in job["targets"]]


if __name__ == "__main__":
    result = asyncio.run(_each(json.load(sys.stdin)))
    memory = next(int(one.split()[1]) for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one)
    sys.stdout.write(json.dumps({"rss_mb": memory * 1024 / 1e6, "found": result}))
    sys.stdout.flush()
    os._exit(0)  # rattler's threads may crash an interpreter that ends in the ordinary way
