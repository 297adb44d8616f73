"""``gc`` and ``rollback`` where the site is a bucket: the store shrinks, the site and what follows stay whole."""

from __future__ import annotations

import re
from collections.abc import Callable

from simulator.project import Project
from simulator.s3 import S3Server


def test_gc_and_rollback_beside_a_bucket(grown: Project, s3_server: Callable[[str], S3Server]) -> None:
    server = s3_server("moto")
    grown.env |= server.env
    where = f'[site]\ntype = "s3"\nbucket = "{server.bucket()}"\nendpoint = "{server.url}"\n'
    grown.toml.write_text(grown.toml.read_text().replace("[site]\n", where, 1))
    grown.run("publish")
    assert grown.run("rollback", "1", "--json").json["number"] == 3
    verified = grown.run("verify", "--json")
    assert verified.json["faults"] == []
    assert re.search(r"^reading [1-9]\d* files of the site: .* in ", verified.err, re.MULTILINE)
    done = grown.run("gc", "--keep", "1", "--force", "--json").json
    assert done["kept"] == [3]
    assert done["objects"] > 0
    assert grown.run("verify", "--json").json["faults"] == []
    assert "not in the store" in grown.fail(3, "rollback", "2").error
    grown.run("sync")
    assert grown.run("publish", "--json").json["number"] == 3, "a rollback holds, on a bucket too"
    assert grown.run("publish", "--release-rollback", "--json").json["number"] == 4
    assert grown.run("verify", "--json").json["faults"] == []
