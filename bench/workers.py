"""The work of a store in a bucket by four Dask workers beside one: sync over 20 ms, verify, repackage."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from distributed import Client
from simulator.apt import FlatRepo
from simulator.dask import Cluster, cluster
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import Project
from simulator.s3 import S3Server, radosgw
from simulator.server import Server

from bench.installed import installed
from bench.measure import Measured, cudepot
from bench.rounds import delayed
from bench.rows import Row
from cudepot.cli.worker_tasks import ready

FILES = 1000
MANY = 4
_ROOT = Path(__file__).resolve().parent.parent


def run(folder: Path) -> list[Row]:
    """A radosgw on this machine; each worker has one thread, so it waits for one file at a time."""
    if not installed("radosgw"):
        return []
    for name in ("radosgw", "www", "nvidia", "upstream"):
        (folder / name).mkdir()
    artifacts = Artifacts(folder / "nvidia")
    with (
        radosgw(folder / "radosgw") as server,
        mock.patch.dict(os.environ, server.env),
        KeyHome() as keys,
        Server(folder / "www") as web,
        Nvidia(artifacts, folder / "upstream") as nvidia,
        delayed(web.url) as far,
    ):
        key = keys.generate("bench <bench@example.com>")
        repository(folder / "www/repo", keys, key)
        by = {count: _measured(folder, count, server, far, keys, key, nvidia) for count in (1, MANY)}
    return list(_rows(by[1], by[MANY]))


def repository(folder: Path, keys: KeyHome, key: Key) -> FlatRepo:
    """Publish as many debs as are fetched."""
    repo = FlatRepo(folder, keys, key)
    for number in range(FILES):
        repo.add(write_deb(simple_deb(f"bench{number:04d}", "1.0"), folder))
    repo.publish()
    return repo


def _measured(
    folder: Path, count: int, server: S3Server, far: str, keys: KeyHome, key: Key, nvidia: Nvidia
) -> dict[str, Measured]:
    """Return what each verb takes with so many workers, in a bucket of its own."""
    project = _project(folder / f"by-{count}", server, far, keys, key, nvidia)
    env = {**server.env, "PYTHONPATH": str(_ROOT / "mirror")}
    with cluster(folder / f"dask-{count}", env, count) as workers:
        _wait(workers, count)
        options = ("-q", "--workers", workers.address)
        cudepot(project.base, "lock", "-q")
        return {verb: cudepot(project.base, verb, *options) for verb in ("sync", "repackage", "verify")}


def _project(base: Path, server: S3Server, far: str, keys: KeyHome, key: Key, nvidia: Nvidia) -> Project:
    keyring = base.parent / "bench.asc"
    keyring.write_bytes(key.armored)
    project = Project(base, key=key.fingerprint, gnupg=keys.path)
    where = {"type": "s3", "bucket": server.bucket(), "endpoint": server.url}
    rows = [f"{name} = {json.dumps(text)}" for name, text in where.items()]
    project.sections = ["\n".join(["[store]", *rows, ""])]
    project.add("upstream", name="far", type="apt", url=f"{far}/repo/", keys=[key.fingerprint], keyrings=[str(keyring)])
    project.add("pin", upstream="far", packages=["bench*"])
    project.add_apt(nvidia, recipe="cudnn", outputs=["conda", "wheel"])
    project.add_wheels(nvidia, recipe="cudnn", cuda="11.1", outputs=["conda", "wheel"])
    project.add_downloads(nvidia)
    project.accept_eula(nvidia.built().parts.licence)
    return project


def _wait(workers: Cluster, count: int) -> None:
    with Client(workers.address, timeout=60) as client:
        client.wait_for_workers(count, timeout=240)
        client.run(ready)  # as after any earlier run: they are up for weeks


def _rows(one: dict[str, Measured], many: dict[str, Measured]) -> Iterator[Row]:
    names = {"sync": f"sync {FILES} files over 20 ms", "verify": "verify the bucket", "repackage": "repackage"}
    for verb, name in names.items():
        took = many[verb]
        yield Row(
            "workers", f"{name}, {MANY} workers", took.seconds, {"one worker": one[verb].seconds},
            rss_mb=took.rss_mb, child_rss_mb=took.child_rss_mb,
        )  # fmt: skip
