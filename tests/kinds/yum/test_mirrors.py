"""A URL of a list of mirrors: dnf follows it, cudepot says what to give instead, and that works."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from simulator.odd_yum import LIBS, TOOL, OddYum, Shelf
from simulator.project import Project
from simulator.server import Server
from tests.clients.dnf import DnfRoot

METALINK = """<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml"><size>%d</size>
<verification><hash type="sha256">%s</hash></verification>
<resources maxconnections="1"><url protocol="http" type="http" preference="100">%s</url></resources>
</file></files></metalink>
"""


@pytest.mark.parametrize("kind", ["mirrorlist", "metalink"])
@pytest.mark.parametrize("below", [False, True], ids=["a file", "whatever is asked for below it"])
def test_a_list_of_mirrors_is_told_from_a_repository(project: Project, tmp_path: Path, kind: str, below: bool) -> None:
    with Server(tmp_path / "www") as server:
        odd = OddYum(tmp_path / "www/repo", f"{server.url}/repo/", Shelf(tmp_path / "shelf"))
        odd.add(TOOL, LIBS)
        odd.index()
        odd.write()
        root = (odd.folder / "repodata/repomd.xml").read_bytes()
        metalink = METALINK % (len(root), hashlib.sha256(root).hexdigest(), f"{odd.url}repodata/repomd.xml")
        text = f"{odd.url}\n" if kind == "mirrorlist" else metalink
        (tmp_path / "www/mirrors").write_text(text)
        if below:
            server.replace("/mirrors/*", text.encode())
        client = DnfRoot(tmp_path / "dnf")
        path = client.add_repo("listed", "x", None)
        path.write_text(path.read_text().replace("baseurl=x", f"{kind}={server.url}/mirrors"))
        client.install("tool", "--downloadonly")
        common = {"type": "yum", "trust": "hash-lock", "keys": [], "rpm_keys": []}
        project.add("upstream", name="u", url=f"{server.url}/mirrors", **common)
        project.add("pin", upstream="u", packages=["tool"])
        done = project.fail(10 if below else 4, "lock")
        assert "give the URL of one of the mirrors it names" in done.hint
        project.sections[0] = project.sections[0].replace(f"{server.url}/mirrors", odd.url)
        project.write()
        project.publish()


def test_a_query_is_refused_with_the_same_advice(project: Project) -> None:
    project.add("upstream", name="u", type="yum", url="https://mirrors.example/metalink?repo=x", trust="hash-lock")
    assert "give the URL of one of the mirrors it names" in project.fail(3, "lock").hint
