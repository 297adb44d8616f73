"""The same site in a bucket of a radosgw on this machine, against ``rclone copy`` of the same tree to it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from simulator.s3 import ACCESS, SECRET, S3Server, radosgw, rclone_binary

from bench.installed import installed
from bench.measure import Measured, cudepot, timed
from bench.rows import Row

ROUNDS = 3
_COUNTING = """
import sys
from cudepot.cli.main import main
from cudepot.transport.s3.bucket import Bucket
seen = []
Bucket._count = lambda self, **event: seen.append(event)
code = main(sys.argv[1:])
print(len(seen))
sys.exit(code)
"""


def s3_rows(near: Path, folder: Path) -> Iterator[Row]:
    """Publish a project whose site is a folder to a bucket, and once more unchanged; the project stays as it was."""
    if not installed("radosgw"):
        return
    place = folder / "radosgw"
    place.mkdir()
    with radosgw(place) as server, mock.patch.dict(os.environ, server.env):
        bucket = server.bucket()
        _rclone(near, server, bucket)  # the first writer makes the server's pools grow
        toml = near / "cudepot.toml"
        before = toml.read_text()
        ours, theirs = list[Measured](), list[float]()
        try:
            for _ in range(ROUNDS):
                _empty(server, bucket)  # the server has room for few copies
                bucket = server.bucket()
                theirs.append(_rclone(near, server, bucket))
                _empty(server, bucket)
                bucket = server.bucket()
                site = f'[site]\ntype = "s3"\nbucket = "{bucket}"\nendpoint = "{server.url}"\n'
                toml.write_text(before.replace("[site]\n", site, 1))
                os.sync()
                ours.append(cudepot(near, "publish", "-q"))
            median = sorted(ours, key=lambda one: one.seconds)[ROUNDS // 2]
            yield _row("publish to S3 (radosgw)", median, {"rclone copy": statistics.median(theirs)})
            yield _row("publish to S3 again, nothing changed", cudepot(near, "publish", "-q"), {}, _requests(near))
            check = _rclone(near, server, bucket, "check", "--download", "--one-way")
            yield _row("verify store and bucket", cudepot(near, "verify", "-q"), {"rclone check --download": check})
        finally:
            toml.write_text(before)


def _empty(server: S3Server, bucket: str) -> None:
    client = server.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in page["Contents"]]})


def _rclone(near: Path, server: S3Server, bucket: str, verb: str = "copy", *options: str) -> float:
    """Copy or check the tree with as many transfers at a time as cudepot makes; return the seconds."""
    remote = (
        f":s3,provider=Ceph,endpoint='{server.url}',access_key_id={ACCESS},secret_access_key={SECRET},"
        f"no_check_bucket=true:{bucket}"
    )
    os.sync()
    how = ("--config", os.devnull, "--transfers", "16", "--checkers", "16", *options)
    return timed(rclone_binary(), verb, *how, str(near / "site/current") + "/", remote)


def _requests(near: Path) -> int:
    argv = [sys.executable, "-c", _COUNTING, "publish", "-C", str(near), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    said, _, count = done.stdout.strip().rpartition("\n")
    if json.loads(said)["fresh"]:
        raise RuntimeError("there was something new to publish")
    return int(count)


def _row(work: str, ours: Measured, peers: dict[str, float], requests: int = -1) -> Row:
    return Row("site", work, ours.seconds, peers, 0.0, ours.rss_mb, ours.child_rss_mb, requests)
