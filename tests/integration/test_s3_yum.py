"""The real dnf installs from a yum site in a bucket, metadata and packages signed, on moto and on radosgw."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients.dnf import DnfRoot
from tests.integration.test_yum_site import CUDNN, NEW, OLD, YUM, add_yum, publish

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed")


@pytest.mark.parametrize("kind", ["moto", pytest.param("radosgw", marks=pytest.mark.lengthy)])
def test_dnf_installs_and_goes_on_after_a_switch(
    kind: str, site_key: SiteKey, rhel: Rhel, s3_server: Callable[[str], S3Server], tmp_path: Path
) -> None:
    server = s3_server(kind)
    bucket = server.bucket()
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    project.env |= server.env
    project.sections.append(f'type = "s3"\nbucket = "{bucket}"\nendpoint = "{server.url}"\n')
    project.write()
    project.init()
    add_yum(project, rhel, *CUDNN)
    publish(project)
    root = DnfRoot(tmp_path / "dnf")
    root.provide("libc.so.6()(64bit)")
    keys = " ".join(one.as_uri() for one in (site_key.key_file, rhel.key_file, rhel.old_key_file))
    url = f"{server.url}/{bucket}/yum/{YUM}/"
    root.add_repo("acme", url, site_key.key_file, metadata_expire=86400, gpgkey=keys)
    root.dnf("makecache")
    old = {one for one in _keys(server, bucket) if "/repodata/" in one}
    project.add("pin", upstream=YUM, packages=[f"libcudnn8-{NEW}", f"libcudnn8-devel-{NEW}"])
    publish(project)
    assert old <= _keys(server, bucket), "indexes that an older root names stay"
    root.install(*CUDNN)  # by the metadata of yesterday
    assert root.installed()["libcudnn8"] == OLD
    root.dnf("--refresh", "upgrade")
    assert root.installed()["libcudnn8"] == NEW
    assert requests.get(f"{server.url}/{bucket}/yum/{YUM}/repodata/absent.xml", timeout=30).status_code == 404


def _keys(server: S3Server, bucket: str) -> set[str]:
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {one["Key"] for page in pages for one in page.get("Contents", ())}
