"""Edges around buckets: of a site that a bucket shows by itself, with a store in a bucket, served out of that store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.s3 import S3Server
from simulator.sides import Near, deb_of
from simulator.site_key import SiteKey
from tests.clients import web
from tests.workflows.following import edge_in, with_edges

CHANNELS = ("dev", "prod")
_SITE = '[site]\ntype = "s3"\nbucket = "{}"\nendpoint = "{}"\n'
_STORE = '[store]\ntype = "s3"\nbucket = "{}"\nendpoint = "{}"\n\n[site]\ntype = "store"\n'


def test_from_bucket_to_bucket_to_folder(
    site_key: SiteKey,
    upstream_key: tuple[KeyHome, Key],
    s3_server: Callable[[str], S3Server],
    tmp_path: Path,
) -> None:
    server = s3_server("moto")
    shown, kept = server.bucket(), server.bucket()
    near = Near(tmp_path / "near", site_key, upstream_key)
    first, second = (edge_in(tmp_path / name, site_key, upstream_key, CHANNELS) for name in ("first", "second"))
    with_edges(near, *CHANNELS)
    for one, lines in ((near.project, _SITE.format(shown, server.url)), (first, _STORE.format(kept, server.url))):
        one.env |= server.env
        text = re.sub("^store = .*\n", "", one.toml.read_text(), flags=re.MULTILINE)
        one.toml.write_text(text.replace("[site]\n", lines))
    near.publish(deb_of("one", size=200_000))
    near.project.run("promote", "dev", "prod")
    url = f"{server.url}/{shown}/"
    assert first.run("edge", url, "--json").json["channels"] == {"dev": 1, "prod": 1}
    with web.serve(first.base, env=server.env) as served:
        assert second.run("edge", served, "--json").json["channels"] == {"dev": 1, "prod": 1}
        near.publish(deb_of("two"))
        assert first.run("edge", url, "--json").json["channels"] == {"dev": 2, "prod": 1}
        near.project.run("promote", "dev", "prod")
        done = first.run("edge", url, "--json").json
        assert (done["channels"], done["objects"]) == ({"dev": 2, "prod": 2}, 0)
        assert first.run("edge", url, "--json").json["fresh"] is False
        assert second.run("edge", served, "--json").json["channels"] == {"dev": 2, "prod": 2}
    for one in (near.project, first, second):
        assert one.run("verify", "--json").json["faults"] == []
