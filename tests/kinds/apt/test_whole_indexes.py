"""What a whole mirror of a ``dists/`` repository has beside packages: all its Release names, for real apt-get."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Artifacts
from simulator.project import Project
from simulator.sources import sources_index, write_source
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve
from tests.kinds.apt.world import want_whole

CONTENTS = b"usr/lib/libhello.so\tdevel/hello\n"
GERMAN = b"Package: hello\nDescription-md5: d41d8cd98f00b204e9800998ecf8427e\nDescription-de: Hallo\n"
UNPACK = {"gz": gzip.decompress, "xz": lzma.decompress, "bz2": bz2.decompress}
TARGETS = (
    ("contents", "$(COMPONENT)/Contents-$(ARCHITECTURE)"),
    ("dep11", "$(COMPONENT)/dep11/Components-$(NATIVE_ARCHITECTURE).yml"),
    ("icons", "$(COMPONENT)/dep11/icons-48x48.tar"),
    ("commands", "$(COMPONENT)/cnf/Commands-$(NATIVE_ARCHITECTURE)"),
)
"""Indexes that apt-file, software centres and command-not-found have apt fetch."""


@pytest.fixture
def repo(nvidia_artifacts: Artifacts, upstream: Site, tmp_path: Path) -> DistsRepo:
    """A suite as Debian and Ubuntu have them, with all that is not for everybody."""
    made = DistsRepo(upstream.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    made.add(write_deb(simple_deb("hello", "1.0"), tmp_path))
    made.add(write_deb(simple_deb("hello-doc", "1.0", "all"), tmp_path), arch="all")
    pool = made.folder / "pool/main/h/hello"
    write_source("hello", "1.0", pool)
    write_source("hello", "1.1", pool)
    index = sources_index(made.folder, "pool")
    made.beside = {
        "main/Contents-amd64.gz": gzip.compress(CONTENTS),
        "main/Contents-all.gz": gzip.compress(b"usr/share/doc/x\tdoc/x\n"),
        "main/Contents-s390x.gz": gzip.compress(b"s390x\n"), "main/Contents-udeb-amd64.gz": gzip.compress(b"udeb\n"),
        "Contents-amd64.gz": gzip.compress(b"as Ubuntu has it\n"), "Contents-s390x.gz": gzip.compress(b"other\n"),
        "main/i18n/Translation-en.bz2": bz2.compress(b"Package: hello\n"),
        "main/i18n/Translation-de.bz2": bz2.compress(GERMAN),
        "main/dep11/Components-amd64.yml.gz": gzip.compress(b"File: DEP-11\n"),
        "main/dep11/Components-s390x.yml.gz": gzip.compress(b"File: DEP-11 s390x\n"),
        "main/dep11/icons-48x48.tar.gz": gzip.compress(b"icons"),
        "main/cnf/Commands-amd64.xz": lzma.compress(b"name: hello\n"),
        "main/source/Sources": index, "main/source/Sources.xz": lzma.compress(index),
        "main/source/Release": b"Archive: stable\nArchitecture: source\n",
        "main/debian-installer/binary-amd64/Packages.xz": lzma.compress(b"Package: udeb\n"),
        "main/installer-amd64/current/images/SHA256SUMS": b"of images\n",
        "main/binary-amd64/Packages.diff/Index": b"SHA256-Current: patches nobody needs\n",
        "contrib/Contents-amd64.gz": gzip.compress(b"not a mirrored component\n"),
    }  # fmt: skip
    for path, data in list(made.beside.items()):  # Debian lists the unpacked forms too, and serves none of them
        if path.endswith((".gz", ".xz", ".bz2")):
            plain = path.rpartition(".")[0]
            made.beside[plain] = UNPACK[path.rpartition(".")[2]](data)
            made.unserved.add(plain)
    made.publish()
    return made


def mirror(project: Project, site: Path, folder: Path) -> set[str]:
    """Mirror, check every byte, and return the paths that are no names by hash."""
    project.run("sync", "--lock")
    project.run("publish")
    assert project.run("verify", "--json").json["faults"] == []
    shown = {str(one.relative_to(site)) for one in site.rglob("*") if one.is_file()}
    for path in shown:
        assert (site / path).read_bytes() == (folder / path).read_bytes(), path
    return {path for path in shown if "/by-hash/" not in path}


MAIN = {"suites": ["stable"], "components": ["main"], "architectures": ["amd64"]}
SUITE = "dists/stable/"
ALWAYS = {
    f"{SUITE}{name}"
    for name in (
        "InRelease", "Release", "Release.gpg", "main/binary-amd64/Packages.xz", "main/binary-amd64/Packages.gz",
        "main/binary-all/Packages.xz", "main/binary-all/Packages.gz",
    )
} | {"pool/main/h/hello/hello_1.0_amd64.deb", "pool/main/h/hello-doc/hello-doc_1.0_all.deb"}  # fmt: skip
BESIDE = {
    f"{SUITE}{name}"
    for name in (
        "main/Contents-amd64.gz", "main/Contents-all.gz", "Contents-amd64.gz", "main/i18n/Translation-en.bz2",
        "main/i18n/Translation-de.bz2", "main/dep11/Components-amd64.yml.gz", "main/dep11/icons-48x48.tar.gz",
        "main/cnf/Commands-amd64.xz",
    )
}  # fmt: skip
SOURCES = {f"{SUITE}main/source/Sources.xz", f"{SUITE}main/source/Release"}
FILES = {f"pool/main/h/hello/hello_{version}.{end}" for version in ("1.0", "1.1") for end in ("dsc", "tar.xz")}


def test_all_that_the_release_names_for_these_clients_is_there_and_nothing_else(
    project: Project, upstream: Site, repo: DistsRepo
) -> None:
    site = want_whole(project, upstream, repo, **MAIN)
    assert mirror(project, site, repo.folder) == ALWAYS | BESIDE
    upstream.forget()
    project.run("sync", "--lock")
    assert [one.status for one in upstream.requests] == [304]


def test_sources_come_with_their_files_when_asked_for(project: Project, upstream: Site, repo: DistsRepo) -> None:
    site = want_whole(project, upstream, repo, **MAIN, sources=True)
    assert mirror(project, site, repo.folder) == ALWAYS | BESIDE | SOURCES | FILES


def test_indexes_nobody_needs_can_be_skipped_but_never_packages(
    project: Project, upstream: Site, repo: DistsRepo
) -> None:
    site = want_whole(project, upstream, repo, **MAIN, **{"skip-indexes": ["*"]})
    assert mirror(project, site, repo.folder) == ALWAYS


def test_what_is_named_and_served_in_no_form_is_left_out_and_told(
    project: Project, upstream: Site, repo: DistsRepo
) -> None:
    upstream.missing("*/main/Contents-all*")
    upstream.missing("*/by-hash/*")
    want_whole(project, upstream, repo, **MAIN)
    told = project.run("lock").err
    assert "main/Contents-all: named by the Release but not served in any form; left out" in told
    assert "Contents-amd64:" not in told, "another form of it is served"


def test_an_index_that_is_not_what_the_release_says_stops_the_lock(
    project: Project, upstream: Site, repo: DistsRepo
) -> None:
    upstream.missing("*/by-hash/*")
    upstream.same_size("*/main/i18n/Translation-de.bz2")
    want_whole(project, upstream, repo, **MAIN)
    assert "Translation-de.bz2: does not match the signed Release" in project.fail(5, "lock").error


def test_sources_that_are_not_served_are_an_error(project: Project, upstream: Site, repo: DistsRepo) -> None:
    upstream.missing("*/source/*")
    want_whole(project, upstream, repo, **MAIN, sources=True)
    assert "main/source/: does not serve the Sources file that its Release names" in project.fail(4, "lock").error


def test_a_source_file_that_breaks_its_hash_is_told_and_not_published(
    project: Project, upstream: Site, repo: DistsRepo
) -> None:
    want_whole(project, upstream, repo, **MAIN, sources=True)
    project.run("lock")
    upstream.same_size("*/hello_1.1.tar.xz")
    assert "hello_1.1.tar.xz" in project.fail(5, "sync").error
    assert "hello_1.1.tar.xz" in project.fail(3, "publish").error


@pytest.mark.parametrize("key", [{"sources": True}, {"skip-indexes": ["*/dep11/*"]}])
def test_a_subset_has_no_such_settings(
    project: Project, upstream: Site, repo: DistsRepo, key: dict[str, object]
) -> None:
    want_whole(project, upstream, repo, **MAIN, **key)
    path = project.base / "cudepot.toml"
    path.write_text(path.read_text().replace("whole = true", "whole = false"))
    assert "without `whole = true`" in project.fail(3, "lock").error


def test_real_apt_get_reads_translations_contents_and_sources_from_the_site(
    project: Project, upstream: Site, repo: DistsRepo, tmp_path: Path
) -> None:
    want_whole(project, upstream, repo, **MAIN, sources=True)
    mirror(project, project.site / "apt/u", repo.folder)
    root, into = AptRoot(tmp_path / "root"), tmp_path / "into"
    into.mkdir()
    options = ["-o", "Acquire::Languages=de", "-o", "APT::Update::Error-Mode=any"]
    for name, place in TARGETS:
        head = f"Acquire::IndexTargets::deb::{name}"
        options += ["-o", f"{head}::MetaKey={place}", "-o", f"{head}::ShortDescription={name}"]
        options += ["-o", f"{head}::Description=$(RELEASE)/$(COMPONENT) {name}", "-o", f"{head}::Optional=false"]
    with serve(project.base / "site") as served:
        done = project.run("client", "apt", "u", "--url", f"{served.url}/current", "--json").json
        root.apt_get("install", "-y", str(Path(done["folder"]) / done["package"]))
        source = root.path / "etc/apt/sources.list.d/acme.sources"
        assert source.read_text().startswith("Types: deb deb-src\n")
        source.write_text(source.read_text().replace("Signed-By: /usr", f"Signed-By: {root.path}/usr"))
        root.apt_get("update", *options)
        root.apt_get("source", "hello=1.1", cwd=into)
    files = [one for one in (root.path / "var/lib/apt/lists").iterdir() if one.is_file()]
    lists = {one.name.partition("dists_stable_")[2]: one.read_bytes() for one in files}
    assert lists["main_Contents-amd64"] == CONTENTS
    assert lists["main_i18n_Translation-de"] == GERMAN
    assert {"main_dep11_Components-amd64.yml", "main_dep11_icons-48x48.tar", "main_cnf_Commands-amd64"} <= lists.keys()
    assert (into / "hello-1.1/hello.c").exists(), "dpkg-source has checked and unpacked what apt-get fetched"


def test_a_flat_repository_with_sources(
    project: Project, upstream: Site, nvidia_artifacts: Artifacts, tmp_path: Path
) -> None:
    flat = FlatRepo(upstream.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    flat.add(write_deb(simple_deb("hello", "1.0"), tmp_path))
    write_source("hello", "1.0", flat.folder)
    index = sources_index(flat.folder, ".")
    flat.beside = {"Sources": index, "Sources.gz": gzip.compress(index)}
    flat.publish()
    site = want_whole(project, upstream, flat)
    assert not any("Sources" in one or one.endswith(".dsc") for one in mirror(project, site, flat.folder))
    text = (project.base / "cudepot.toml").read_text()
    (project.base / "cudepot.toml").write_text(text.replace("whole = true", "whole = true\nsources = true"))
    assert {"Sources.gz", "hello_1.0.dsc", "hello_1.0.tar.xz"} <= mirror(project, site, flat.folder)
    root, ring = AptRoot(tmp_path / "root"), tmp_path / "u.gpg"
    ring.write_bytes(flat.key.binary)
    with serve(project.site) as served:
        root.add_source(f"{served.url}/apt/u/", ring, "./")
        source = root.path / "etc/apt/sources.list.d/site.sources"
        source.write_text(source.read_text().replace("Types: deb\n", "Types: deb deb-src\n"))
        root.update()
        root.apt_get("source", "--download-only", "hello", cwd=tmp_path)
    assert (tmp_path / "hello_1.0.tar.xz").read_bytes() == (flat.folder / "hello_1.0.tar.xz").read_bytes()
