"""``snapshot``: the root of an archive as it was has to be valid then, and of no later day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from simulator.apt import DistsRepo
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server


def test_an_old_root_counts_at_its_own_time_and_at_no_other(
    project: Project, tmp_path: Path, upstream_key: tuple[KeyHome, Key]
) -> None:
    keys, key = upstream_key
    ring = tmp_path / "ring.asc"
    ring.write_bytes(key.armored)
    repo = DistsRepo(tmp_path / "repo", keys, key, suite="bookworm-security")
    repo.add(write_deb(simple_deb("hello", "1.0"), tmp_path))
    repo.fields["Valid-Until"] = "Sun, 08 Nov 2026 00:00:00 UTC"
    repo.clock = datetime(2026, 11, 1, tzinfo=UTC)
    repo.publish()
    with Server(tmp_path / "repo") as server:
        place = {"url": f"{server.url}/", "suites": [repo.suite], "components": ["main"]}
        said = {"name": "up", "type": "apt", **place, "keys": [key.fingerprint], "keyrings": [str(ring)]}
        for snapshot, error in (
            ("", "expired on 2026-11-08"),
            ("20261109T000000Z", "expired on 2026-11-08"),
            ("20261031T000000Z", "future"),
            ("20261102T000000Z", ""),
        ):
            project.sections.clear()
            project.add("upstream", **said, **({"snapshot": snapshot} if snapshot else {}))
            project.add("pin", upstream="up", packages=["hello"])
            if error:
                assert error in project.fail(5, "lock").error, snapshot
            else:
                project.run("lock")
                project.run("lock")
                assert "hello" in project.lock.read_text()
