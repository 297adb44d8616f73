"""Runs inside a child process of :mod:`tests.clients.conda_env`: one job as JSON on stdin, its result on stdout.

A child, because the libraries read environment variables (``CONDA_OVERRIDE_CUDA``) at their own time and keep
thread pools of their own. It imports nothing of the tests, so that it runs as a plain script.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rattler
import rattler.config
import rattler.explicit_environment
import rattler.networking
import rattler.package
from rattler.index import index_fs
from rattler.networking import Client, MirrorMiddleware


async def create(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Solve and, when a prefix is given, install; return the records."""
    config = rattler.config.Config.from_toml(job.get("config", ""))
    client = Client([MirrorMiddleware(config.mirrors)]) if config.mirrors else None
    off = {"zst": ["sharded_enabled"], "plain": ["sharded_enabled", "zstd_enabled"]}.get(job.get("form", ""), [])
    read = rattler.SourceConfig(**dict.fromkeys(off, False))
    gateway = rattler.Gateway(cache_dir=Path(job["cache"]) / "repodata", default_config=read, client=client)
    virtual = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    records = await rattler.solve(
        sources=[rattler.Channel(url) for url in job["channels"] or config.default_channels or ()],
        specs=[rattler.MatchSpec(spec, strict=False) for spec in job["specs"]],  # as conda reads them
        platforms=[job["platform"], "noarch"],
        gateway=gateway,
        virtual_packages=virtual,
        channel_priority=rattler.ChannelPriority.Strict,
    )
    if job["prefix"]:
        await rattler.install(
            records, job["prefix"], cache_dir=Path(job["cache"]) / "pkgs", show_progress=False,
            execute_link_scripts=False, client=client,
        )  # fmt: skip
    return [_summary(record) for record in records]


async def unlock(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Install what a pixi.lock or an explicit file names, as pixi does with these ``[mirrors]``; nothing is solved."""
    path = Path(job["lock"])
    records = _of_pixi(path, job["platform"]) if path.suffix == ".lock" else _of_explicit(path, job["platform"])
    client = rattler.Client([rattler.networking.MirrorMiddleware(job["mirrors"])]) if job["mirrors"] else None
    await rattler.install(
        records, job["prefix"], cache_dir=Path(job["cache"]) / "pkgs", show_progress=False, client=client,
        execute_link_scripts=False,
    )  # fmt: skip
    return [_summary(record) for record in records]


def _of_pixi(path: Path, platform: str) -> list[rattler.RepoDataRecord]:
    environment = dict(rattler.LockFile.from_path(path).environments())["default"]
    (here,) = [one for one in environment.platforms() if str(one.name) == platform]
    return environment.conda_repodata_records_for_platform(here) or []


def _of_explicit(path: Path, platform: str) -> list[rattler.RepoDataRecord]:
    found = rattler.explicit_environment.ExplicitEnvironmentSpec.from_path(path)
    assert str(found.platform) == platform
    return [_named(one.url) for one in found.packages]


def _named(url: str) -> rattler.RepoDataRecord:
    place, _, digest = url.partition("#")
    channel, subdir, filename = place.rsplit("/", 2)
    name, version, build = filename.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
    hashed = {"sha256": bytes.fromhex(digest.removeprefix("sha256:"))} if digest.startswith("sha256:") else {}
    record = rattler.PackageRecord(name, version, rattler.package.BuildString(build), 0, subdir, **hashed)
    return rattler.RepoDataRecord(record, filename, place, channel)


def _summary(record: rattler.RepoDataRecord) -> dict[str, Any]:
    return {
        "name": record.name.normalized, "version": str(record.version), "build": str(record.build),
        "subdir": str(record.subdir), "channel": str(record.channel), "url": str(record.url),
        "sha256": record.sha256.hex() if record.sha256 else "",
        "depends": [str(one) for one in record.depends], "constrains": [str(one) for one in record.constrains],
    }  # fmt: skip


async def channel(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Assemble packages and index the channel."""
    from rattler_build import assemble_package

    for package in job["packages"]:
        subdir = Path(job["channel"]) / package["platform"]
        subdir.mkdir(parents=True, exist_ok=True)
        assemble_package(
            package["name"], package["version"], package["platform"], package["build"], subdir,
            files_dir=package["files"], depends=package["depends"], constrains=package["constrains"],
            noarch=package.get("noarch") or ("generic" if package["platform"] == "noarch" else None),
            detect_prefix=False,
            timestamp=datetime(2024, 1, 1, tzinfo=UTC), compression_level=1,
        )  # fmt: skip
    await index_fs(job["channel"], write_zst=True, write_shards=False)
    return []


def main() -> None:
    """Do the job whose name is the only argument."""
    job = json.load(sys.stdin)
    work = {"create": create, "unlock": unlock, "channel": channel}[sys.argv[1]]
    print(json.dumps(asyncio.run(work(job))), flush=True)
    # py-rattler's threads may crash an interpreter that shuts down: leave without tidying up
    os._exit(0)


if __name__ == "__main__":
    main()
