"""Indexes with the same bytes under several names, as Debian's Release has dozens: fetched once, served under all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Artifacts
from simulator.project import Project
from simulator.server import Server
from tests.clients.apt import AptRoot
from tests.clients.http import serve
from tests.kinds.apt.test_whole_dists import deb, mirror, same_bytes
from tests.kinds.apt.world import want_whole

from cudepot.digest import Digest

EXTRAS = ("extra/a", "extra/b", "extra/c")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "upstream").mkdir()
    with Server(tmp_path / "upstream") as server:
        yield server


def flat(nvidia_artifacts: Artifacts, server: Server, content: bytes) -> FlatRepo:
    """A flat repository whose Release names three files of one content beside its Packages."""
    repo = FlatRepo(server.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    repo.beside = dict.fromkeys(EXTRAS, content)
    return repo


def test_empty_indexes_of_other_components_and_architectures(
    project: Project, server: Server, nvidia_artifacts: Artifacts, tmp_path: Path
) -> None:
    repo = DistsRepo(server.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    repo.add(deb(tmp_path, "hello"))
    repo.places |= {f"{part}/binary-{arch}": [] for part in ("main", "contrib") for arch in ("amd64", "arm64")
                    if (part, arch) != ("main", "amd64")}  # fmt: skip
    repo.publish()
    parts, machines = ["main", "contrib"], ["amd64", "arm64"]
    site = want_whole(project, server, repo, suites=["stable"], components=parts, architectures=machines)
    mirror(project)
    for part in parts:
        for one in (
            f"dists/stable/{part}/binary-{arch}/Packages{form}" for arch in machines for form in (".xz", ".gz")
        ):
            assert (site / one).read_bytes() == (repo.folder / one).read_bytes(), one
    for form in ("xz", "gz"):
        empty = Digest.of((repo.dist / f"contrib/binary-arm64/Packages.{form}").read_bytes())
        assert server.count(f"*/by-hash/SHA256/{empty.sha256}") == 1, "the same bytes were asked for once"
    root, ring = AptRoot(tmp_path / "root", foreign=("arm64",)), tmp_path / "u.gpg"
    ring.write_bytes(repo.key.binary)
    with serve(project.site) as served:
        root.add_source(f"{served.url}/apt/u/", ring, "stable", components="main contrib")
        root.update()
        root.install("hello")


@pytest.mark.parametrize("content", [b"", b"not empty\n"], ids=["empty", "bytes"])
def test_equal_files_beside_packages(
    project: Project, server: Server, nvidia_artifacts: Artifacts, content: bytes
) -> None:
    """The public case: a Release that names an empty Packages and three empty files beside it."""
    repo = flat(nvidia_artifacts, server, content)
    repo.publish()
    site = want_whole(project, server, repo)
    mirror(project)
    assert {"Packages", *EXTRAS} <= same_bytes(site, repo.folder)


def test_the_bytes_come_from_whichever_name_is_served(
    project: Project, server: Server, nvidia_artifacts: Artifacts
) -> None:
    repo = flat(nvidia_artifacts, server, content := b"contents\n")
    repo.publish()
    (repo.folder / EXTRAS[0]).unlink()
    repo.put(repo.folder / EXTRAS[1], b"of yesterday\n")
    site = want_whole(project, server, repo)
    mirror(project)
    assert {(site / one).read_bytes() for one in EXTRAS} == {content}


def test_wrong_bytes_are_told_when_no_name_has_the_right_ones(
    project: Project, server: Server, nvidia_artifacts: Artifacts
) -> None:
    repo = flat(nvidia_artifacts, server, b"contents\n")
    repo.publish()
    (repo.folder / EXTRAS[0]).unlink()
    for one in EXTRAS[1:]:
        repo.put(repo.folder / one, b"other text\n")
    want_whole(project, server, repo)
    assert f"{EXTRAS[1]}: does not match the signed Release" in project.fail(5, "lock").error


def test_one_package_under_two_names_comes_from_the_one_that_is_served(
    project: Project, server: Server, nvidia_artifacts: Artifacts, tmp_path: Path
) -> None:
    repo = FlatRepo(server.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    made = write_deb(simple_deb("hello", "1.0"), tmp_path)
    repo.add(made)
    again = repo.stanzas[0].replace(f"./{made.name}", "./gone.deb")
    repo.stanzas = [again, repo.stanzas[0]]
    repo.publish()
    site = want_whole(project, server, repo)
    mirror(project)
    assert {(site / one).read_bytes() for one in (made.name, "gone.deb")} == {made.read_bytes()}
