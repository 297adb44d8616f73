"""Every shape of apt repository: flat and ``dists/``, any compression, SHA512 only, old ones, several parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients.http import Site
from tests.kinds.apt.world import DISTS, deb, installs, locked, names, want


@pytest.mark.parametrize("form", [".zst", ".bz2", ".xz", ".gz"])
def test_every_compression_of_an_index(
    project: Project, upstream: Site, dists: DistsRepo, tmp_path: Path, form: str
) -> None:
    dists.forms = (form,)
    dists.add(deb(tmp_path, "hello"))
    dists.publish()
    want(project, upstream, dists, "hello", **DISTS)
    assert names(locked(project)) == ["hello 1.0 amd64"]
    assert upstream.count("*/by-hash/SHA256/*", status=200) == 1
    project.run("sync")


@pytest.mark.parametrize("form", [".zst", ".bz2", ".xz", ".gz"])
def test_an_index_that_is_cut_short_is_refused(
    project: Project, upstream: Site, dists: DistsRepo, tmp_path: Path, form: str
) -> None:
    dists.forms = (form,)
    dists.add(deb(tmp_path, "hello"))
    dists.publish()
    want(project, upstream, dists, "hello", **DISTS)
    upstream.replace("*/by-hash/SHA256/*", (dists.dist / f"main/binary-amd64/Packages{form}").read_bytes()[:-9])
    assert "does not match the signed Release" in project.fail(5, "lock").error


def test_several_suites_components_and_architectures_become_one_repository(
    project: Project, upstream: Site, dists: DistsRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    dists.add(deb(tmp_path, "base", Depends="extra, shared"))
    dists.add(deb(tmp_path, "base", arch="arm64", Depends="extra"), arch="arm64")
    dists.add(deb(tmp_path, "extra"), component="contrib")
    dists.add(deb(tmp_path, "extra", arch="arm64"), component="contrib", arch="arm64")
    updates = DistsRepo(dists.folder, dists.keys, dists.key, suite="updates")
    updates.places = {f"{part}/binary-{arch}": [] for part in ("main", "contrib") for arch in ("amd64", "arm64")}
    updates.add(deb(tmp_path, "base", "1.1", Depends="extra, shared"))
    updates.add(deb(tmp_path, "shared", arch="all"))
    dists.publish()
    updates.publish()
    both = {"suites": ["stable", "updates"], "components": ["main", "contrib"], "architectures": ["amd64", "arm64"]}
    want(project, upstream, dists, "base", **both)
    document = locked(project)
    assert names(document) == [
        "base 1.0 arm64", "extra 1.0 amd64", "extra 1.0 arm64", "base 1.1 amd64", "shared 1.0 all",
    ]  # fmt: skip
    roots = [one["path"] for one in document["upstream"][0]["root"]]
    assert roots == ["dists/stable/InRelease", "dists/updates/InRelease"]
    root = installs(project, site_key, tmp_path / "root", "base")
    assert [root.version(one) for one in ("base", "extra", "shared")] == ["1.1", "1.0", "1.0"]


def test_a_pin_for_one_architecture_brings_what_that_one_needs(
    project: Project, upstream: Site, dists: DistsRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    dists.add(deb(tmp_path, "base", Depends="extra"), deb(tmp_path, "extra"))
    dists.add(deb(tmp_path, "base", arch="arm64", Depends="extra"), deb(tmp_path, "extra", arch="arm64"), arch="arm64")
    dists.publish()
    want(project, upstream, dists, "base", architectures=["amd64", "arm64"], only=["arm64"], **DISTS)
    assert names(locked(project)) == ["base 1.0 arm64", "extra 1.0 arm64"]
    root = installs(project, site_key, tmp_path / "root", "base:arm64", foreign=("arm64",))
    assert root.status("base:arm64") == "install ok installed"


def test_the_oldest_form_has_one_index_and_a_detached_signature(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    flat.forms, flat.inline = (".gz",), False
    flat.add(deb(tmp_path, "hello"))
    flat.publish()
    want(project, upstream, flat, "hello")
    document = locked(project)
    assert [one["path"] for one in document["upstream"][0]["root"]] == ["Release"]
    assert upstream.count("*/Packages", status=200) == 0
    assert installs(project, site_key, tmp_path / "root", "hello").version("hello") == "1.0"


def test_stray_files_are_not_looked_at(project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path) -> None:
    flat.add(deb(tmp_path, "hello"))
    flat.publish()
    for stray in ("Packages.new", "Packages.old", "INDEX~2.HTM", "hello_9.9_amd64.deb"):
        flat.put(flat.folder / stray, b"Package: hello\nVersion: 9.9\n")
    want(project, upstream, flat, "hello")
    assert names(locked(project)) == ["hello 1.0 amd64"]
    project.run("sync")
    asked = {one.path.rpartition("/")[2] for one in upstream.requests}
    assert asked == {"InRelease", "Packages.gz", "hello_1.0_amd64.deb"}


# SHA512 only, as nvidia.github.io


def strong(flat: FlatRepo, *debs: Path, stanzas: bool = False) -> None:
    """Publish with SHA512 alone: in the Release, and in the stanzas too when asked for."""
    flat.hashes = ("SHA512",)
    flat.stanza_hashes = ("MD5Sum", "SHA1", "SHA512") if stanzas else flat.stanza_hashes
    flat.add(*debs)
    flat.publish()


@pytest.mark.parametrize("stanzas", [False, True], ids=["release", "release-and-stanzas"])
def test_sha512_alone_is_enough(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path, stanzas: bool
) -> None:
    strong(flat, deb(tmp_path, "hello", Depends="world"), deb(tmp_path, "world"), stanzas=stanzas)
    want(project, upstream, flat, "hello")
    document = locked(project)
    assert names(document) == ["hello 1.0 amd64", "world 1.0 amd64"]
    for one in document["artifact"]:
        data = (flat.folder / one["filename"]).read_bytes()
        assert project.object(data).name == one["sha256"]
    assert installs(project, site_key, tmp_path / "root", "hello").version("world") == "1.0"


def test_sha512_by_hash(project: Project, upstream: Site, dists: DistsRepo, tmp_path: Path) -> None:
    dists.hashes = ("SHA512",)
    dists.add(deb(tmp_path, "hello"))
    dists.publish()
    want(project, upstream, dists, "hello", **DISTS)
    assert names(locked(project)) == ["hello 1.0 amd64"]
    assert upstream.count("*/by-hash/SHA512/*", status=200) == 1


def test_a_file_that_breaks_its_sha512_never_becomes_visible(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    strong(flat, deb(tmp_path, "hello"), stanzas=True)
    want(project, upstream, flat, "hello")
    for path, fault in (("/repo/Packages*", "does not match the signed Release"), ("/repo/*.deb", "sha512 is")):
        upstream.same_size(path)
        assert fault in project.fail(5, "lock").error
        upstream.heal()
        upstream.replace(path, b"x")
        assert "bytes where" in project.fail(5, "lock").error
        upstream.heal()
        assert not project.lock.exists()
    assert not project.object((flat.folder / "hello_1.0_amd64.deb").read_bytes()).exists()
    assert names(locked(project)) == ["hello 1.0 amd64"]


def test_a_known_file_is_not_fetched_again_for_its_sha256(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    strong(flat, deb(tmp_path, "hello"), stanzas=True)
    want(project, upstream, flat, "hello")
    before = locked(project)["artifact"]
    flat.add(deb(tmp_path, "other"))
    flat.publish()
    upstream.forget()
    assert locked(project)["artifact"] == before
    assert upstream.count("*.deb") == 0
    project.object((flat.folder / "hello_1.0_amd64.deb").read_bytes()).unlink()
    project.run("sync")
    assert upstream.count("*.deb") == 1
