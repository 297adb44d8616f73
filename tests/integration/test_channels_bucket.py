"""Channels of a site in a bucket: a prefix each, what is new copied on the server, roots switched last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.s3 import S3Server
from tests.clients.apt import AptRoot


def published(project: Project, version: str) -> None:
    """Publish another version of ``more``."""
    folder = project.base / "more"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    write_deb(simple_deb("more", version), folder)
    project.sections = [*project.sections[:2]]
    project.add("upstream", name="more", type="folder", path=str(folder))
    project.add("pin", upstream="more", packages=["*.deb"])
    project.publish()


@pytest.mark.parametrize("kind", ["moto", pytest.param("radosgw", marks=pytest.mark.lengthy)])
def test_channels_of_a_bucket(grown: Project, s3_server: Callable[[str], S3Server], kind: str, tmp_path: Path) -> None:
    server = s3_server(kind)
    name, client = server.bucket(), server.client()
    grown.env |= server.env
    where = f'[site]\ntype = "s3"\nbucket = "{name}"\nendpoint = "{server.url}"\nchannels = ["dev", "prod"]\n'
    grown._head = grown._head.replace("[site]\n", where)
    grown.write()
    grown.run("publish")
    grown.run("promote", "dev", "prod")
    published(grown, "3.0")

    def number(channel: str) -> int:
        body = client.get_object(Bucket=name, Key=f"{channel}/snapshot.json")["Body"].read()
        return int(json.loads(body)["number"])

    assert (number("dev"), number("prod")) == (3, 2)
    url = f"{server.url}/{name}"
    roots = {one: AptRoot(tmp_path / one) for one in ("dev", "prod")}
    for channel, root in roots.items():
        (tmp_path / "site.gpg").write_bytes(client.get_object(Bucket=name, Key="dev/keys/site.gpg")["Body"].read())
        root.add_source(f"{url}/{channel}/apt/more/", tmp_path / "site.gpg")
        root.update()
    seen = ["Candidate: 3.0" in root.policy("more") for root in roots.values()]
    assert seen == [True, False]
    done = grown.run("promote", "dev", "prod", "--json").json
    assert (done["number"], done["instead"]) == (3, 2)
    roots["prod"].update()
    assert "Candidate: 3.0" in roots["prod"].policy("more")
    assert "prod shows snapshot 3 already" in grown.run("promote", "dev", "prod").out
    grown.run("rollback", "2", "--channel", "prod")
    roots["prod"].update()
    assert "Candidate: 2.0" in roots["prod"].policy("more")
    assert (number("dev"), number("prod")) == (3, 4)
    assert grown.run("verify", "--json").json["faults"] == []
    assert grown.run("status", "--json").json["channels"] == {"dev": 3, "prod": 4}
