"""What is pinned of an apt repository can be installed from the site: the real apt-get judges."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve
from tests.kinds.apt.world import DISTS, deb, installs, locked, names, want

# packages of all architectures in an index of their own


@pytest.fixture
def with_all(dists: DistsRepo, tmp_path: Path) -> DistsRepo:
    """A repository whose packages of ``all`` are in ``binary-all`` only."""
    dists.add(deb(tmp_path, "tool", Depends="tool-data"))
    dists.add(deb(tmp_path, "tool-data", arch="all"), arch="all")
    return dists


def test_the_index_of_packages_for_all_is_read_as_apt_reads_it(
    project: Project, upstream: Site, with_all: DistsRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    with_all.publish()
    want(project, upstream, with_all, "tool", **DISTS)
    document = locked(project)
    assert names(document) == ["tool 1.0 amd64", "tool-data 1.0 all"]
    assert "external" not in document["upstream"][0]
    root = installs(project, site_key, tmp_path / "root", "tool")
    assert root.version("tool-data") == "1.0"


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({}, True),
        ({"No-Support-for-Architecture-all": "Packages"}, False),
        ({"No-Support-for-Architecture-all": "Contents"}, True),
    ],
)
def test_the_index_for_all_is_read_where_and_only_where_apt_reads_it(
    project: Project, upstream: Site, with_all: DistsRepo, tmp_path: Path, fields: dict[str, str], read: bool
) -> None:
    with_all.fields |= fields
    with_all.publish()
    want(project, upstream, with_all, "tool", **DISTS)
    found = names(locked(project))
    root = AptRoot(tmp_path / "root")
    ring = tmp_path / "ring.asc"
    ring.write_bytes(with_all.key.armored)
    root.add_source(f"{upstream.url}/repo/", ring, "stable", components="main")
    root.update()
    assert (root.apt_get("-s", "install", "tool", check=False).returncode == 0) is read
    assert ("tool-data 1.0 all" in found) is read


# dependencies across architectures


BOTH = {"architectures": ["amd64", "i386"]}


def test_dependencies_on_another_architecture_are_met_by_it(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "app", Depends="libx:i386, wine-i386 (= 9.0), helper:any"))
    flat.add(
        deb(tmp_path, "libx", **{"Multi-Arch": "same"}), deb(tmp_path, "libx", arch="i386", **{"Multi-Arch": "same"})
    )
    flat.add(deb(tmp_path, "wine-i386", "9.0", "i386", Depends="libx", **{"Multi-Arch": "foreign"}))
    flat.add(deb(tmp_path, "helper", **{"Multi-Arch": "allowed"}))
    flat.publish()
    want(project, upstream, flat, "app", **BOTH)
    document = locked(project)
    assert sorted(names(document)) == ["app 1.0 amd64", "helper 1.0 amd64", "libx 1.0 i386", "wine-i386 9.0 i386"]
    assert "external" not in document["upstream"][0]
    root = installs(project, site_key, tmp_path / "root", "app", foreign=("i386",))
    assert [root.version(one) for one in ("libx:i386", "wine-i386:i386", "helper")] == ["1.0", "9.0", "1.0"]


def test_the_clients_files_work_with_several_architectures(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    flat.add(
        deb(tmp_path, "app", Depends="libx:i386"), deb(tmp_path, "libx", arch="i386"), deb(tmp_path, "libx", "1.1")
    )
    flat.publish()
    want(project, upstream, flat, "app", **BOTH)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    root = AptRoot(tmp_path / "root", foreign=("i386",))
    with serve(project.site) as site:
        done = project.run("client", "apt", "u", "--url", site.url, "--json").json
        folder = Path(done["folder"])
        root.apt_get("install", "-y", str(folder / done["package"]))
        for file in (folder / "etc/apt/preferences.d").iterdir():
            root.add_file(file, "etc/apt/preferences.d")
        for file in (root.path / "etc/apt/sources.list.d").glob("*.sources"):
            file.write_text(file.read_text().replace("Signed-By: /usr", f"Signed-By: {root.path}/usr"))
        root.update()
        root.install("app")
    assert root.version("libx:i386") == "1.0"


def test_what_is_there_for_an_architecture_nobody_asked_for_is_named(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "app", Depends="wine-i386 (= 9.0), libx:i386"))
    flat.add(deb(tmp_path, "wine-i386", "9.0", "i386", **{"Multi-Arch": "foreign"}), deb(tmp_path, "libx", arch="i386"))
    flat.publish()
    want(project, upstream, flat, "app")
    done = project.run("lock")
    assert "u: the distribution must provide: libx:i386, wine-i386 (= 9.0)" in done.out
    for package in ("wine-i386 9.0", "libx 1.0"):
        assert f"{package} is in the upstream for i386: add it to `architectures`" in done.out
    project.sections = []
    want(project, upstream, flat, "app", **BOTH)
    assert "must provide" not in project.run("lock").out, "the note was followed"


# several suites


def test_other_bytes_of_one_package_in_two_suites_are_an_error_that_says_what_to_do(
    project: Project, upstream: Site, dists: DistsRepo, tmp_path: Path
) -> None:
    jammy = DistsRepo(dists.folder, dists.keys, dists.key, suite="jammy")
    for suite, repo in (("focal", dists), ("jammy", jammy)):
        (tmp_path / suite).mkdir()
        file = deb(tmp_path / suite, "containerd.io", "1.6.27-1", Description=f"built for {suite}")
        repo.add(file.rename(file.with_name(f"containerd.io_1.6.27-1~{suite}_amd64.deb")))
        repo.add(deb(tmp_path, "same"))
    dists.publish()
    jammy.publish()
    want(project, upstream, dists, "containerd.io", suites=["stable", "jammy"], components=["main"])
    failed = project.fail(6, "lock")
    assert "containerd.io 1.6.27-1 (amd64) differs between dists/jammy/main/binary-amd64/Packages and" in failed.error
    assert "make each suite (or component) an upstream" in failed.hint
    project.sections = []
    ring = str(project.base / "upstream.asc")
    for suite in ("stable", "jammy"):
        project.add(
            "upstream", name=suite, type="apt", url=f"{upstream.url}/repo/", keys=[dists.key.fingerprint],
            keyrings=[ring], suites=[suite], components=["main"],
        )  # fmt: skip
        project.add("pin", upstream=suite, packages=["containerd.io"])
    hashes = {one["upstream"]: one["sha256"] for one in locked(project)["artifact"]}
    assert len(set(hashes.values())) == 2, "the hint was followed"


def test_the_same_bytes_in_two_suites_are_one_package(
    project: Project, upstream: Site, dists: DistsRepo, tmp_path: Path
) -> None:
    jammy = DistsRepo(dists.folder, dists.keys, dists.key, suite="jammy")
    for repo in (dists, jammy):
        repo.add(deb(tmp_path, "same"))
        repo.publish()
    want(project, upstream, dists, "same", suites=["stable", "jammy"], components=["main"])
    assert names(locked(project)) == ["same 1.0 amd64"]


# what excludes each other


def test_an_older_version_is_taken_where_the_newest_breaks_what_is_pinned(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "app", "1.0", Depends="libz"), deb(tmp_path, "app", "2.0", Depends="libz"))
    flat.add(deb(tmp_path, "libz", "1.0"), deb(tmp_path, "libz", "2.0", Breaks="app (<< 2.0)"))
    flat.publish()
    want(project, upstream, flat, "app=1.0")
    assert names(locked(project)) == ["app 1.0 amd64", "libz 1.0 amd64"]
    root = installs(project, site_key, tmp_path / "root", "app")
    assert (root.version("app"), root.version("libz")) == ("1.0", "1.0")


@pytest.fixture
def broken(project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path) -> Project:
    """A project whose pin cannot be installed, and another upstream that can."""
    flat.add(deb(tmp_path, "app", "1.0", Depends="libz"), deb(tmp_path, "libz", "2.0", Breaks="app (<< 2.0)"))
    flat.publish()
    want(project, upstream, flat, "app=1.0")
    (tmp_path / "local").mkdir()
    deb(tmp_path / "local", "other")
    project.add("upstream", name="local", type="folder", path=str(tmp_path / "local"))
    project.add("pin", upstream="local", packages=["*.deb"])
    return project


def test_what_cannot_be_installed_is_named_at_lock_and_stops_no_other(broken: Project) -> None:
    failed = broken.fail(6, "lock")
    assert failed.error.startswith("error E410: u: ")
    assert "app 1.0 (Depends: libz): libz 2.0 Breaks: app (<< 2.0)" in failed.error
    assert [one["name"] for one in tomllib.loads(broken.lock.read_text())["upstream"]] == ["local"]


def test_the_hint_publishes_it_all_the_same_and_forbidding_takes_that_back(broken: Project) -> None:
    hint = broken.fail(6, "lock").hint
    words = shlex.split(hint[hint.index("cudepot lock") :])[1:]
    said = "u: published although not all of it can be installed (…): app 1.0 (Depends: libz)"
    assert said in broken.run(*words).out
    assert names(tomllib.loads(broken.lock.read_text()))[:2] == ["app 1.0 amd64", "libz 2.0 amd64"]
    broken.run("sync")
    assert said in broken.run("publish").out
    assert said.partition(": app")[0] in broken.run("status").out
    assert "allowed-unsolvable" in broken.lock.read_text()
    broken.fail(6, "lock", "--forbid-unsolvable", "u")
    assert "allowed-unsolvable" not in broken.lock.read_text()
    assert "no client can install from u: app 1.0" in broken.fail(6, "publish").error


def test_what_was_allowed_is_so_no_more_once_it_can_be_installed(
    broken: Project, flat: FlatRepo, tmp_path: Path
) -> None:
    broken.run("lock", "--allow-unsolvable", "u", "--reason", "unpacked by hand")
    flat.add(deb(tmp_path, "libz", "1.0"))
    flat.publish()
    assert "u: can be installed now, so the exception was removed" in broken.run("lock").out
    assert "allowed-unsolvable" not in broken.lock.read_text()


def test_packages_of_one_pin_that_exclude_each_other_are_named_and_two_pins_are_the_way_out(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "driver-535", Conflicts="driver-550"), deb(tmp_path, "driver-550"))
    flat.publish()
    want(project, upstream, flat, "driver-535", "driver-550")
    failed = project.fail(6, "lock")
    assert "driver-535 1.0 and driver-550 1.0" in failed.error
    assert "driver-535 1.0 Conflicts: driver-550" in failed.error
    project.sections = []
    want(project, upstream, flat, "driver-535")
    project.add("pin", upstream="u", packages=["driver-550"])
    assert len(names(locked(project))) == 2
    project.sections = []
    want(project, upstream, flat, "driver-*")
    assert len(names(locked(project))) == 2, "a glob does not say that all it means go together"


def test_variants_of_one_package_stand_side_by_side(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    for cuda in ("10.2", "11.1"):
        version = f"8.0.5.39-1+cuda{cuda}"
        flat.add(
            deb(tmp_path, "libcudnn8", version),
            deb(tmp_path, "libcudnn8-dev", version, Depends=f"libcudnn8 (= {version})"),
        )
    flat.publish()
    want(project, upstream, flat, "libcudnn8=8.0.5.39-1+cuda*", "libcudnn8-dev=8.0.5.39-1+cuda*")
    assert len(names(locked(project))) == 4
    wanted = [f"{one}=8.0.5.39-1+cuda10.2" for one in ("libcudnn8", "libcudnn8-dev")]
    root = installs(project, site_key, tmp_path / "root", *wanted)
    assert root.version("libcudnn8-dev") == "8.0.5.39-1+cuda10.2"


def test_packages_of_two_cudas_in_one_table_are_for_two_machines(
    project: Project, upstream: Site, flat: FlatRepo, site_key: SiteKey, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "base"))
    for one in ("11", "12"):
        flat.add(deb(tmp_path, f"tool-cuda-{one}", Depends=f"lib (= {one}), base"), deb(tmp_path, "lib", one))
    flat.publish()
    want(project, upstream, flat, "tool-cuda-11", "tool-cuda-12", "base")
    told = project.run("lock").out
    assert "tool-cuda-11 1.0 and tool-cuda-12 1.0 and base 1.0 conflict with each other: a machine installs" in told
    root = installs(project, site_key, tmp_path / "root", "tool-cuda-11", "lib=11", "base")
    assert root.version("lib") == "11"
    assert root.install("tool-cuda-11", "tool-cuda-12", check=False).returncode


# publish proves it on the finished index


def test_publish_finds_what_the_upstreams_index_kept_back(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    flat.add(deb(tmp_path, "app", Depends="libz"), deb(tmp_path, "libz", Breaks="app"))
    flat.stanzas = [one.replace("Breaks: app\n", "") for one in flat.stanzas]
    flat.publish()
    want(project, upstream, flat, "app")
    for verb in ("lock", "sync"):
        project.run(verb)
    failed = project.fail(6, "publish")
    assert failed.error == ("error E410: no client can install from u: app 1.0 (Depends: libz): libz 1.0 Breaks: app")
    hint = failed.hint
    project.run(*shlex.split(hint[hint.index("cudepot lock") :])[1:])
    assert "(…): app 1.0 (Depends: libz)" in project.run("publish").out


def test_a_folder_of_debs_is_proved_as_well(project: Project, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    project.add("upstream", name="local", type="folder", path=str(tmp_path / "local"))
    project.add("pin", upstream="local", packages=["*.deb"])
    deb(tmp_path / "local", "app", Depends="libc6 (>= 2.31), libz (>= 2)")
    project.publish()
    deb(tmp_path / "local", "libz", "1.0")
    for verb in ("lock", "sync"):
        project.run(verb)
    assert "app 1.0 (Depends: libz (>= 2)): there is libz 1.0" in project.fail(6, "publish").error
    assert project.run("publish", "--keep-last", "--json").json["held"] == ["local"]
