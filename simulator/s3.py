"""Real S3 servers on loopback: moto's, ``rclone serve s3``, and Ceph's radosgw on a cluster of its own.

Each gives an empty bucket that everyone may read, and credentials by boto3's own environment variables.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from simulator.process import clean_env, run

ACCESS, SECRET = "testkey", "testtesttest"


@dataclass
class S3Server:
    """A server: ``url`` is its endpoint; ``honest`` whether it honours conditional writes."""

    name: str
    url: str
    honest: bool
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """What boto3 takes its credentials from; none of the host's configuration."""
        none = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        return {
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            **none,
        }

    def client(self) -> Any:
        """Return boto3's client, for the tests themselves."""
        import boto3
        from botocore.config import Config

        config = Config(
            signature_version="s3v4", s3={"addressing_style": "path"},
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
        )  # fmt: skip
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", config=config,
            aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
        )  # fmt: skip

    def bucket(self) -> str:
        """Make a new bucket that everyone may read and list, and return its name."""
        name = f"b{uuid.uuid4().hex[:12]}"
        client = self.client()
        client.create_bucket(Bucket=name)
        with contextlib.suppress(client.exceptions.ClientError):  # rclone knows no ACLs: it asks for a signature
            client.put_bucket_acl(Bucket=name, ACL="public-read")
            client.put_bucket_policy(Bucket=name, Policy=_POLICY.replace("BUCKET", name))
        return name

    def stop(self, name: str, how: int = signal.SIGKILL) -> None:
        """End one of the server's processes."""
        child = self.children.pop(name)
        child.send_signal(how)
        child.wait(30)


_POLICY = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]},
"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::BUCKET/*"]}]}"""


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(url: str, seconds: float = 60) -> None:
    """Wait until a server answers anything."""
    end = time.monotonic() + seconds
    while True:
        try:
            requests.get(url, timeout=2)
        except requests.RequestException:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def _served(server: S3Server) -> Iterator[S3Server]:
    try:
        wait_for(server.url)
        yield server
    finally:
        for child in reversed(server.children.values()):
            child.kill()
        for child in server.children.values():
            child.wait(30)


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[S3Server]:
    """Start moto's server."""
    port = free_port()
    with (folder / "moto.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=clean_env(), stdout=log, stderr=log,
        )  # fmt: skip
    with _served(S3Server("moto", f"http://127.0.0.1:{port}", honest=True, children={"moto": child})) as server:
        yield server


def rclone_binary() -> str:
    """Return rclone: beside the interpreter that runs the tests, or on PATH."""
    found = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, "rclone is not installed: it is part of the dev dependencies"
    return found


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[S3Server]:
    """Start ``rclone serve s3`` over a folder; it ignores conditions and wants every request signed."""
    port = free_port()
    (folder / "data").mkdir(parents=True)
    with (folder / "rclone.log").open("wb") as log:
        child = subprocess.Popen(
            [rclone_binary(), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}",
             "--config", os.devnull, "--vfs-cache-mode", "off", str(folder / "data")],
            env=clean_env(HOME=str(folder)), stdout=log, stderr=log,
        )  # fmt: skip
    with _served(S3Server("rclone", f"http://127.0.0.1:{port}", honest=False, children={"rclone": child})) as server:
        yield server


# Ceph

_CONF = """\
[global]
fsid={fsid}
mon_initial_members=a
mon_host=v1:127.0.0.1:{mon}
auth_cluster_required=none
auth_service_required=none
auth_client_required=none
# radosgw insists on an encrypted monitor connection, which cannot be had without cephx
ms_mon_client_mode=crc
ms_bind_msgr2=false
mon_data_avail_warn=1
mon_data={base}/mon
osd_data={base}/osd
osd_objectstore=bluestore
bluestore_block_size=4294967296
osd_memory_target=939524096
osd_pool_default_size=1
osd_pool_default_min_size=1
osd_pool_default_pg_num=8
osd_pool_default_pgp_num=8
osd_crush_chooseleaf_type=0
# what an osd would tell the monitor when it starts, and dies of when it is not yet known there ("wrong fsid")
osd_crush_update_on_start=false
osd_class_update_on_start=false
mon_allow_pool_size_one=true
mon_max_pg_per_osd=2000
ms_bind_ipv4=true
public_addr=127.0.0.1
cluster_addr=127.0.0.1
run_dir={base}/run
admin_socket={base}/run/$name.asok
log_file={base}/$name.log
mon_cluster_log_file={base}/cluster.log
rgw_data={base}/rgw
rgw_frontends=beast endpoint=127.0.0.1:{port}
rgw_enable_usage_log=false
rgw_dns_name=localhost
"""


class Ceph(S3Server):
    """A Ceph cluster of one process each: ``mon``, ``osd``, ``rgw``; any can be killed and started again."""

    def __init__(self, base: Path) -> None:
        self.port, mon = free_port(), free_port()
        super().__init__("radosgw", f"http://127.0.0.1:{self.port}", honest=True)
        self.base, self.conf = base, base / "ceph.conf"
        for name in ("mon", "osd", "rgw", "run"):
            (base / name).mkdir(parents=True)
        self.conf.write_text(_CONF.format(fsid=uuid.uuid4(), base=base, port=self.port, mon=mon))
        self._mon = f"v1:127.0.0.1:{mon}"

    def start(self, name: str) -> None:
        """Start a process in the foreground."""
        argv = {"mon": ["ceph-mon", "-f", "-i", "a"], "osd": ["ceph-osd", "-f", "-i", "0"],
                "rgw": ["radosgw", "-f", "-n", "client.rgw"]}[name]  # fmt: skip
        with (self.base / f"{name}.out").open("ab") as out:
            self.children[name] = subprocess.Popen(
                [argv[0], "-c", str(self.conf), *argv[1:]], stdout=out, stderr=out, env=clean_env(), cwd=self.base
            )

    def make(self) -> None:
        """Make the cluster and its user."""
        fsid = self.conf.read_text().split("fsid=")[1].split("\n")[0]
        monmap = self.base / "monmap"
        run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[{self._mon}]", str(monmap))
        self._ceph("ceph-mon", "-i", "a", "--mkfs", "--monmap", str(monmap))
        self.start("mon")
        osd = str(uuid.uuid4())
        self._ceph("ceph", "--connect-timeout", "20", "osd", "new", osd, "0")
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._ceph("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost", check=False)
        self.start("osd")
        self.start("rgw")
        self.wait()  # it makes the pools, and radosgw-admin would too
        self._ceph(
            "radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
            f"--access-key={ACCESS}", f"--secret-key={SECRET}",
        )  # fmt: skip

    def _ceph(self, tool: str, *argv: str, check: bool = True) -> None:
        run(tool, "-c", str(self.conf), *argv, env=clean_env(), check=check, timeout=120)

    def _logged(self) -> str:
        """Return the end of each daemon's log."""
        return "\n".join(f"{one.name}: {one.read_text(errors='replace')[-800:]}" for one in self.base.glob("*.log"))

    def wait(self) -> None:
        """Wait until the gateway answers; a daemon that gave up in a race of their starts is started again."""
        end = time.monotonic() + 300  # a gateway makes its pools first, slowly where others use the disk
        while True:
            with contextlib.suppress(requests.RequestException):
                requests.get(self.url, timeout=2)
                return
            for name in [one for one, child in self.children.items() if child.poll() is not None]:
                self.start(name)
            assert time.monotonic() < end, f"radosgw does not answer:\n{self._logged()}"
            time.sleep(0.2)


@contextlib.contextmanager
def radosgw(folder: Path) -> Iterator[S3Server]:
    """Start a Ceph cluster."""
    ceph = Ceph(folder)
    try:
        ceph.make()
        yield ceph
    finally:
        for child in reversed(ceph.children.values()):
            child.kill()
            child.wait(30)
