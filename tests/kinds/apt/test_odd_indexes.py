"""What apt would refuse of a whole mirror is said: by `lock` of an index, by `sync` of a package that it fetched."""

from __future__ import annotations

from pathlib import Path

from simulator.apt import FlatRepo, stanza
from simulator.project import Project
from tests.clients.http import Site
from tests.kinds.apt.world import deb, want_whole


def test_wrong_sums_of_packages_are_told_by_every_sync(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "good"))
    for number in range(10):
        flat.add(made := deb(tmp_path, f"bad{number}"))
        flat.stanzas[-1] = stanza(made, f"./{made.name}", ("SHA256",)) + f"SHA512: {'0' * 128}\n"
    flat.publish()
    want_whole(project, upstream, flat)
    project.run("lock")
    told = project.run("sync", "--json").json["notes"]
    assert len(told) == 9
    assert told[0].startswith("u: bad0_1.0_amd64.deb does not match its SHA512 in the index, so apt refuses it")
    assert told[-1] == "u: 2 more packages have the same fault"
    assert project.run("sync", "--json").json["notes"] == told, "what was found is remembered"
