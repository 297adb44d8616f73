"""Names of files in indexes that a bucket takes as they are: ``pool//x.deb``. Clients ask for them, and get them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.apt import FlatRepo, stanza
from simulator.project import Project
from simulator.s3 import S3Server
from tests.clients.apt import AptRoot
from tests.clients.http import Site
from tests.kinds.apt.world import deb, want_whole
from tests.sites import S3_KINDS

NAMES = {"slashes": "pool//slashes.deb", "dots": "./a/./b/dots.deb", "plain": "pool/plain.deb", "dot": "./dot.deb"}


@pytest.fixture
def odd(flat: FlatRepo, tmp_path: Path) -> FlatRepo:
    """A repository whose index spells its names in every way."""
    for package, name in NAMES.items():
        path = flat.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = deb(tmp_path, package)
        path.write_bytes(made.read_bytes())
        flat.stanzas.append(stanza(made, name))
    flat.publish()
    return flat


def to_bucket(project: Project, server: S3Server, **more: str) -> str:
    """Make a bucket the site of a project; return where clients read it."""
    bucket = server.bucket()
    project.env |= server.env
    rows = {"type": '"s3"', "bucket": f'"{bucket}"', "endpoint": f'"{server.url}"', **more}
    text = "".join(f"{name} = {value}\n" for name, value in rows.items())
    project.toml.write_text(project.toml.read_text().replace("[site]\n", f"[site]\n{text}", 1))
    return f"{server.url}/{bucket}"


@pytest.mark.parametrize("kind", [one for one in S3_KINDS if one.values != ("rclone",)])
def test_apt_installs_from_a_bucket_whatever_the_index_spells(
    project: Project, upstream: Site, odd: FlatRepo, s3_server: Callable[[str], S3Server], tmp_path: Path, kind: str
) -> None:
    want_whole(project, upstream, odd)
    url = to_bucket(project, s3_server(kind))
    project.publish()
    assert tomllib.loads(project.lock.read_text())["upstream"][0]["spelled"] == [NAMES["slashes"], NAMES["dots"]]
    ring = tmp_path / "up.gpg"
    ring.write_bytes(odd.key.binary)
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{url}/apt/u/", ring)
    root.update()
    root.install(*NAMES)
    assert [root.version(one) for one in NAMES] == ["1.0"] * len(NAMES)
    assert project.run("verify", "--json").json["faults"] == []


def test_names_that_a_server_cannot_hold_are_told(
    project: Project, upstream: Site, odd: FlatRepo, s3_server: Callable[[str], S3Server]
) -> None:
    want_whole(project, upstream, odd)
    to_bucket(project, s3_server("rclone"), **{"folder-pages": "false"})
    project.run("sync", "--lock")
    told = project.run("publish").err
    assert "apt asks for names that this server cannot hold, apt/u/pool//slashes.deb for one" in told
    assert "have a web server in front of the bucket take ./ and // out of paths" in told
