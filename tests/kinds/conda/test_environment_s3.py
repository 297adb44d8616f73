"""An environment of conda packages in a bucket: installed from there, gone back to, cleaned up after, damage found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge

INDEX = "pub/environments/dl/conda/linux-64/repodata.json"
OLD, NEW = (f"pub/conda/{NAME}/linux-64/libzlib-{one}.conda" for one in ("1.2.13-h0_6", "1.3.1-h1_2"))


@dataclass
class Shown:
    """A project whose site is a bucket, and what it mirrors."""

    project: Project
    forge: Forge
    server: S3Server
    bucket: str

    @property
    def url(self) -> str:
        """Where clients see the site."""
        return f"{self.server.url}/{self.bucket}/pub"

    def publish(self, *specs: str) -> None:
        """Publish an environment that has just these."""
        head = self.project.sections[0]
        self.project.sections.clear()
        self.project.sections.append(head)
        self.project.add("upstream", name=NAME, type="conda", url=self.forge.url)
        self.project.add("environment", name="dl", conda=list(specs))
        for verb in ("lock", "sync", "publish"):
            self.project.run(verb)

    def listed(self) -> dict[str, str]:
        """Return the ETag of each object of the bucket."""
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", ())}

    def installed(self, prefix: Path) -> dict[str, str]:
        """Install what the environment's own channel has into a prefix; return name → version."""
        found = conda_env.create([f"{self.url}/environments/dl/conda"], ["zlib", "libzlib"], prefix)
        assert all(one.url.startswith(self.url) for one in found.values())
        return {name: one.version for name, one in found.items()}


@pytest.fixture(params=["moto"])
def shown(
    request: pytest.FixtureRequest, site_key: SiteKey, s3_server: Callable[[str], S3Server], tmp_path: Path
) -> Iterator[Shown]:
    server: S3Server = s3_server(request.param)
    bucket = server.bucket()
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    project.env |= server.env
    where = f'type = "s3"\nbucket = "{bucket}"\nprefix = "pub"\nendpoint = "{server.url}"\ngrace-hours = 0\nkeep = 1\n'
    project.sections.append(where)
    project.write()
    project.init()
    (tmp_path / "channels").mkdir()
    with Server(tmp_path / "channels") as upstream:
        yield Shown(project, Forge(upstream), server, bucket)


def test_what_a_bucket_shows_is_installed_and_gone_back_to(shown: Shown, tmp_path: Path) -> None:
    shown.forge.channel.patch("linux-64", "zlib-1.3.1-h1_2.conda", depends=["libzlib"])
    shown.forge.channel.publish()
    shown.publish("zlib", "libzlib <1.3")
    first = shown.listed()
    assert {INDEX, OLD} <= first.keys()
    assert shown.installed(tmp_path / "one") == {"zlib": "1.3.1", "libzlib": "1.2.13"}
    shown.publish("zlib", "libzlib >=1.3")
    assert shown.installed(tmp_path / "two") == {"zlib": "1.3.1", "libzlib": "1.3.1"}
    assert "all good" in shown.project.run("verify").out
    shown.project.run("rollback", "1")
    assert shown.listed()[INDEX] == first[INDEX]
    assert shown.installed(tmp_path / "three") == {"zlib": "1.3.1", "libzlib": "1.2.13"}
    assert "all good" in shown.project.run("verify").out


def test_what_no_environment_has_leaves_store_and_bucket(shown: Shown, tmp_path: Path) -> None:
    shown.publish("libzlib <1.3")
    old = next((shown.forge.channel.root / "linux-64").glob("libzlib-1.2.13-*.conda")).read_bytes()
    assert shown.project.object(old).is_file()
    shown.publish("libzlib >=1.3")
    shown.project.run("gc", "--keep", "1", "--force")
    shown.publish("libzlib >=1.3", "tzdata")
    assert not shown.project.object(old).is_file()
    assert OLD not in shown.listed()
    assert NEW in shown.listed()
    assert "all good" in shown.project.run("verify").out
    assert shown.project.run("publish", "--json").json["fresh"] is False


def test_damage_in_the_bucket_is_found_and_mended(shown: Shown) -> None:
    shown.publish("zlib", "libzlib")
    client, before = shown.server.client(), shown.listed()
    body = client.get_object(Bucket=shown.bucket, Key=INDEX)["Body"].read()
    client.put_object(Bucket=shown.bucket, Key=INDEX, Body=body.replace(b"libzlib", b"libzlab", 1))
    client.delete_object(Bucket=shown.bucket, Key=NEW)
    faults = shown.project.run("verify", "--json", check=False).json["faults"]
    assert len(faults) == 2, faults
    assert any("environments/dl/conda/linux-64/repodata.json: sha256" in one for one in faults)
    assert any("libzlib-1.3.1-h1_2.conda" in one for one in faults)
    shown.project.run("verify", "--repair", check=False)
    assert "all good" in shown.project.run("verify").out
    assert shown.listed() == before
