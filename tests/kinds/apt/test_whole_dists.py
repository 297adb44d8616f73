"""Whole mirrors of ``dists/`` repositories and of those that know sha512 only: byte for byte, for real apt-get."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.faults import Answer, Fault
from simulator.nvidia import Artifacts
from simulator.project import Project
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve
from tests.kinds.apt.world import deb, want_whole


def mirror(project: Project) -> None:
    project.run("sync", "--lock")
    project.run("publish")
    assert project.run("verify", "--json").json["faults"] == []


def same_bytes(site: Path, upstream: Path) -> set[str]:
    """Check that all that is shown is the upstream's own; return the paths."""
    shown = {str(one.relative_to(site)) for one in site.rglob("*") if one.is_file()}
    for path in shown:
        assert (site / path).read_bytes() == (upstream / path).read_bytes(), path
    return shown


@pytest.fixture
def suites(nvidia_artifacts: Artifacts, upstream: Site, tmp_path: Path) -> tuple[DistsRepo, DistsRepo]:
    """Two suites in one place, with two components and two architectures each, and one that nobody wants."""
    found = []
    for suite in ("stable", "testing"):
        repo = DistsRepo(upstream.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key, suite=suite)
        repo.add(deb(tmp_path, f"hello-{suite}"))
        repo.add(deb(tmp_path, f"hello-{suite}", arch="arm64"), arch="arm64")
        repo.add(deb(tmp_path, f"more-{suite}"), component="contrib")
        repo.add(deb(tmp_path, f"more-{suite}", arch="arm64"), component="contrib", arch="arm64")
        repo.add(deb(tmp_path, f"left-{suite}", arch="s390x"), arch="s390x")
        repo.publish()
        found.append(repo)
    return found[0], found[1]


WANTED = {"suites": ["stable", "testing"], "components": ["main", "contrib"], "architectures": ["amd64", "arm64"]}


def test_suites_components_and_architectures_are_there_byte_for_byte(
    project: Project, upstream: Site, suites: tuple[DistsRepo, DistsRepo], tmp_path: Path
) -> None:
    site = want_whole(project, upstream, suites[0], **WANTED)
    mirror(project)
    shown = same_bytes(site, suites[0].folder)
    assert sum(one.endswith(".deb") for one in shown) == 8
    assert not any("s390x" in one for one in shown)
    for suite in ("stable", "testing"):
        assert {f"dists/{suite}/{name}" for name in ("InRelease", "Release", "Release.gpg")} <= shown
    assert any("/contrib/binary-arm64/by-hash/SHA256/" in one for one in shown)
    root, ring = AptRoot(tmp_path / "root", foreign=("arm64",)), tmp_path / "u.gpg"
    ring.write_bytes(suites[0].key.binary)
    with serve(project.site) as served:
        for suite in ("stable", "testing"):
            root.add_source(f"{served.url}/apt/u/", ring, suite, components="main contrib", name=suite)
        root.update()
        root.download("hello-stable", "more-testing", "hello-testing:arm64", into=tmp_path)
    assert {one.name for one in tmp_path.glob("*.deb")} >= {"hello-testing_1.0_arm64.deb", "more-testing_1.0_amd64.deb"}
    upstream.forget()
    project.run("sync", "--lock")
    assert [one.status for one in upstream.requests] == [304, 304]


def test_client_apt_writes_a_source_for_each_suite(
    project: Project, upstream: Site, suites: tuple[DistsRepo, DistsRepo], tmp_path: Path
) -> None:
    want_whole(project, upstream, suites[0], **WANTED)
    mirror(project)
    root = AptRoot(tmp_path / "root", foreign=("arm64", "s390x"))
    with serve(project.base / "site") as served:
        done = project.run("client", "apt", "u", "--url", f"{served.url}/current", "--json").json
        root.apt_get("install", "-y", str(Path(done["folder"]) / done["package"]))
        source = root.path / "etc/apt/sources.list.d/acme.sources"
        assert re.findall("^Suites: (.*)$", source.read_text(), re.M) == ["stable", "testing"]
        assert source.read_text().count("Components: contrib main\nArchitectures: amd64 arm64\n") == 2
        source.write_text(source.read_text().replace("Signed-By: /usr", f"Signed-By: {root.path}/usr"))
        root.add_file(
            Path(done["folder"]) / "etc/apt/preferences.d/acme-repository-pin-600.pref", "etc/apt/preferences.d"
        )
        root.update()
        assert f"600 {served.url}/current/apt/u" in root.policy("hello-stable")
        root.install("hello-stable", "more-testing", "hello-testing:arm64")
    assert root.status("hello-testing:arm64") == "install ok installed"


def test_an_index_without_its_name_by_hash_is_taken_by_its_plain_name(
    project: Project, upstream: Site, suites: tuple[DistsRepo, DistsRepo]
) -> None:
    upstream.missing("*/by-hash/*")
    want_whole(project, upstream, suites[0], **WANTED)
    mirror(project)


def test_a_component_that_is_not_there_is_told(
    project: Project, upstream: Site, suites: tuple[DistsRepo, DistsRepo]
) -> None:
    want_whole(project, upstream, suites[0], **{**WANTED, "components": ["main", "non-free"]})
    assert "dists/stable/non-free/binary-amd64/: does not serve the Packages" in project.fail(4, "lock").error


def test_a_whole_flat_repository_has_the_suite_of_its_folder(project: Project, upstream: Site) -> None:
    project.add("upstream", name="u", type="apt", url=upstream.url, keys=["A" * 40], keyrings=[], whole=True,
                suites=["sub/"])  # fmt: skip
    assert f"{upstream.url}/sub/InRelease: HTTP 404" in project.fail(4, "lock").error


@pytest.fixture
def strong(nvidia_artifacts: Artifacts, upstream: Site, tmp_path: Path) -> FlatRepo:
    """A flat repository as nvidia.github.io: sha512 and nothing else that counts, in Release and stanzas."""
    flat = FlatRepo(upstream.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    flat.hashes, flat.stanza_hashes = ("SHA512",), ("MD5Sum", "SHA1", "SHA512")
    flat.add(deb(tmp_path, "hello"), deb(tmp_path, "world"))
    flat.publish()
    return flat


def test_sha512_alone_is_mirrored_whole(project: Project, upstream: Site, strong: FlatRepo, tmp_path: Path) -> None:
    site = want_whole(project, upstream, strong)
    project.run("lock")
    assert "not in the store" in project.fail(3, "publish").error
    assert project.fail(3, "sync", "--dry-run").error
    mirror(project)
    assert {one for one in same_bytes(site, strong.folder) if one.endswith(".deb")} == {
        "hello_1.0_amd64.deb", "world_1.0_amd64.deb",
    }  # fmt: skip
    upstream.forget()
    project.run("sync", "--lock")
    assert upstream.count() == 1, "what is known is not fetched again"
    assert not (project.store / "complete.json").exists(), "whether the store still knows, its own notes tell"
    strong.add(deb(tmp_path, "third"))
    strong.publish()
    upstream.forget()
    mirror(project)
    assert upstream.count("*.deb") == 1
    same_bytes(site, strong.folder)


def test_what_breaks_its_sha512_is_told_and_the_rest_comes(project: Project, upstream: Site, strong: FlatRepo) -> None:
    want_whole(project, upstream, strong)
    project.run("lock")
    upstream.same_size("/repo/hello*.deb")
    assert "hello" in project.fail(5, "sync").error
    assert project.object((strong.folder / "world_1.0_amd64.deb").read_bytes()).exists()
    assert "1 packages of u are not in the store" in project.fail(3, "publish").error
    upstream.heal()
    mirror(project)


class Together(Fault):
    """Answers when that many requests wait for it; one alone never is."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(count)

    def apply(self, answer: Answer) -> None:
        self.barrier.wait(30)


def test_packages_known_by_sha512_come_side_by_side(
    project: Project, upstream: Site, strong: FlatRepo, tmp_path: Path
) -> None:  # fmt: skip
    strong.add(*(deb(tmp_path, name) for name in ("third", "fourth")))
    strong.publish()
    site = want_whole(project, upstream, strong)
    project.run("lock")
    upstream.fault("/repo/*.deb", Together(4))
    project.run("sync")
    upstream.heal()
    mirror(project)
    assert len([one for one in same_bytes(site, strong.folder) if one.endswith(".deb")]) == 4


def test_pins_known_by_sha512_come_side_by_side(
    project: Project, upstream: Site, strong: FlatRepo, tmp_path: Path
) -> None:  # fmt: skip
    strong.add(*(deb(tmp_path, name) for name in ("third", "fourth")))
    strong.publish()
    ring = project.base / "upstream.asc"
    ring.write_bytes(strong.key.armored)
    keys, rings = [strong.key.fingerprint], [str(ring)]
    project.add("upstream", name="u", type="apt", url=f"{upstream.url}/repo/", keys=keys, keyrings=rings)
    project.add("pin", upstream="u", packages=["hello", "world", "third", "fourth"])
    upstream.fault("/repo/*.deb", Together(4))
    project.run("lock")
    upstream.heal()
    upstream.forget()
    mirror(project)
    assert upstream.count("*.deb") == 0, "what was learnt by lock is there"
