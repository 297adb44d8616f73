"""One version with two contents in an index: `lock` tells it, with a pin and mirrored whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server


@pytest.mark.parametrize("whole", [True, False])
def test_lock_tells_of_two_contents(
    whole: bool, project: Project, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    home, key = upstream_key
    ring = tmp_path / "up.asc"
    ring.write_bytes(key.armored)
    repo = FlatRepo(tmp_path / "up" / "r", home, key)
    repo.add(write_deb(simple_deb("tool", "1.0"), tmp_path))
    first = repo.stanzas[0]
    repo.add(write_deb(simple_deb("tool", "1.0", Description="another build"), tmp_path))
    repo.stanzas.insert(0, first)
    repo.publish()
    with Server(tmp_path / "up") as server:
        keys = {"keys": [key.fingerprint], "keyrings": [str(ring)]}
        project.add("upstream", name="u", type="apt", url=f"{server.url}/r/", whole=whole, **keys)
        if not whole:
            project.add("pin", upstream="u", packages=["tool"])
        notes = project.run("lock", "--json").json["notes"]
    assert len(notes) == 1
    assert notes[0].startswith("u: tool 1.0 amd64 appears twice in")
