"""rpms of a folder that are damaged, renamed, foreign or there twice; and the second day (G8)."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.debs import simple_deb, write_deb
from simulator.process import run
from simulator.project import Project
from simulator.rpms import Rpm, cudnn_rpms, sign_rpms, simple_rpm, write_rpm
from simulator.yum import RhelArtifacts
from tests.clients import http
from tests.kinds.folder.rpms import NAME, YUM, configured, keys_of, publish, shown, want

LIB, DEVEL = cudnn_rpms(CudnnRelease("8.0.5.39", "11.1"), "gz")
NEXT = cudnn_rpms(CudnnRelease("8.2.4.15", "11.4"), "gz")


@pytest.fixture(scope="module")
def built(rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rpms of one release, signed, and two of a later one; read only."""
    folder = tmp_path_factory.mktemp("built")
    sign_rpms([write_rpm(one, folder) for one in (LIB, DEVEL, *NEXT)], rhel_artifacts.keys, rhel_artifacts.key)
    return folder


@pytest.fixture
def downloads(project: Project, built: Path) -> Path:
    """The folder beside cudepot.toml, with the first release in it."""
    folder = project.base / NAME
    folder.mkdir()
    put(folder, built, LIB, DEVEL)
    return folder


def put(folder: Path, built: Path, *rpms: Rpm) -> None:
    for one in rpms:
        shutil.copy(built / one.file_name, folder)


def add(folder: Path, rpm: Rpm, name: str = "") -> Path:
    """Build an rpm into a folder, under another name where one is given."""
    made = write_rpm(rpm, folder)
    return made.rename(folder / name) if name else made


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_within_its_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))


def with_more_behind(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def no_rpm(path: Path) -> None:
    path.write_bytes(b"<html>please log in</html>" * 9)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (cut, "bytes, but should have"),
        (cut_within_its_header, "truncated within its header"),
        (changed, "its payload has sha256"),
        (with_more_behind, "bytes, but should have"),
        (no_rpm, "not an rpm"),
    ],
)
def test_a_damaged_file_is_named_before_anything_is_published(
    project: Project, downloads: Path, harm: object, told: str
) -> None:
    want(project)
    assert callable(harm)
    harm(downloads / LIB.file_name)
    error = project.fail(10, "lock").error
    assert LIB.file_name in error
    assert told in error
    assert not project.lock.exists()


def test_sources_are_refused_and_the_hint_leaves_them_out(project: Project, downloads: Path, tmp_path: Path) -> None:
    spec = tmp_path / "tool.spec"
    spec.write_text("Name: tool\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\n%description\nx\n%files\n")
    run("rpmbuild", "-bs", "--define", f"_srcrpmdir {downloads}", "--define", f"_topdir {tmp_path}", spec)
    want(project)
    failed = project.fail(3, "lock")
    assert "tool-1-1.src.rpm: holds the sources of tool" in failed.error
    assert "*.x86_64.rpm" in failed.hint
    project.sections.clear()
    want(project, "*.x86_64.rpm")
    project.run("lock")


def test_the_name_inside_counts(project: Project, downloads: Path) -> None:
    (downloads / LIB.file_name).rename(downloads / "download(1).rpm")
    (downloads / DEVEL.file_name).rename(downloads / LIB.file_name)  # another's name
    want(project)
    publish(project)
    assert shown(project) == {LIB.file_name, DEVEL.file_name}
    told = project.site / YUM / LIB.file_name
    assert told.read_bytes() == (downloads / "download(1).rpm").read_bytes()


def test_one_package_twice_is_one_and_other_bytes_are_refused(project: Project, downloads: Path) -> None:
    again = downloads / "again.rpm"
    shutil.copy(downloads / LIB.file_name, again)
    want(project)
    project.run("lock")
    assert project.lock.read_text().count('name = "libcudnn8"\n') == 1
    again.unlink()
    add(downloads.parent, simple_rpm(LIB.name, LIB.version, LIB.release)).rename(again)
    failed = project.fail(6, "lock")
    assert f"again.rpm and {LIB.file_name} are both libcudnn8" in failed.error


def test_two_that_differ_in_their_epochs_are_both_published(project: Project, downloads: Path) -> None:
    add(downloads, simple_rpm("tool", "1", "1", "noarch"), "first.rpm")
    add(downloads, simple_rpm("tool", "1", "1", "noarch", "Epoch: 2"), "second.rpm")
    want(project, "first.rpm", "second.rpm")
    publish(project)
    assert len(shown(project)) == 2
    assert all(one.endswith("-tool-1-1.noarch.rpm") for one in shown(project))


def test_foreign_and_unsigned_rpms_are_refused_where_keys_are_given(
    project: Project, downloads: Path, rhel_artifacts: RhelArtifacts
) -> None:
    foreign = add(downloads, simple_rpm("foreign", "1"))
    sign_rpms([foreign], rhel_artifacts.keys, rhel_artifacts.other_key)
    want(project, **keys_of(project, rhel_artifacts))
    project.run("lock")
    failed = project.fail(5, "sync")
    assert f"{foreign.name}: " in failed.error
    assert "package signature does not hold" in failed.error
    assert "`rpm-keys` of downloads" in failed.hint
    project.fail(3, "publish")
    foreign.unlink()
    add(downloads, simple_rpm("plain", "1"))
    project.run("lock")
    assert "neither its header" in project.fail(5, "sync").error
    (downloads / "plain-1-1.x86_64.rpm").unlink()
    publish(project)
    assert shown(project) == {LIB.file_name, DEVEL.file_name}


def test_keys_and_their_files_belong_together(project: Project, downloads: Path, rhel_artifacts: RhelArtifacts) -> None:
    keys = keys_of(project, rhel_artifacts)
    want(project, **{"rpm-keys": keys["rpm-keys"]})
    assert "keyrings" in project.fail(3, "lock").error
    project.sections.clear()
    want(project, **(keys | {"rpm-keys": [rhel_artifacts.other_key.fingerprint]}))
    project.run("lock")
    failed = project.fail(3, "sync")
    assert rhel_artifacts.other_key.fingerprint in failed.error
    assert "`rpm-keys` of upstream 'downloads' in cudepot.toml" in failed.hint
    project.sections.clear()
    want(project, **keys)
    assert rhel_artifacts.key.fingerprint in project.run("trust", "list", "--json").out
    assert "`rpm-keys`" in project.fail(3, "trust", "add", NAME, "nvidia.pub").hint
    publish(project)


def test_what_lacks_the_version_it_needs_is_refused(project: Project, downloads: Path, built: Path) -> None:
    """libcudnn8 is in the folder, and not in the version that libcudnn8-devel asks for."""
    (downloads / LIB.file_name).unlink()
    put(downloads, built, NEXT[0])
    want(project)
    failed = project.fail(6, "lock")
    assert "no client can install from downloads" in failed.error
    assert "libcudnn8 = 8.0.5.39-1.cuda11.1" in failed.error
    project.run("lock", "--allow-unsolvable", NAME, "--reason", "tried on purpose")
    project.run("sync")
    assert "tried on purpose" in project.run("publish").out


def test_what_is_allowed_for_the_debs_beside_stays_allowed(project: Project, downloads: Path) -> None:
    """`lock` solves the rpms only, and so cannot say that all of the folder can be installed."""
    for name, need in (("lib", ""), ("app", "lib (= 2)")):
        write_deb(simple_deb(name, "1", **({"Depends": need} if need else {})), downloads)
    want(project, "*.rpm", "*.deb")
    project.run("lock", "--allow-unsolvable", NAME, "--reason", "lib 2 comes tomorrow")
    project.run("sync")
    for _ in range(2):
        project.run("lock")
        assert "lib 2 comes tomorrow" in project.run("publish").out


@pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed")
def test_the_second_day(project: Project, downloads: Path, built: Path, tmp_path: Path) -> None:
    """A new rpm, one that is gone, other bytes under a name; clients in the middle go on, and back."""
    want(project)
    publish(project)
    before = (project.site / YUM / "repodata/repomd.xml").read_bytes()
    project.run("lock")
    project.run("publish")
    assert (project.site / YUM / "repodata/repomd.xml").read_bytes() == before, "nothing new"
    with http.serve(project.base / "site") as site:
        root = configured(project, f"{site.url}/current", tmp_path / "dnf")
        root.lock_versions(enabled=False)
        root.install(LIB.name)
        put(downloads, built, *NEXT)
        publish(project)
        (downloads / DEVEL.file_name).unlink()
        assert f"- libcudnn8-devel {DEVEL.version}" in project.run("lock").out
        publish(project)
        assert shown(project) == {LIB.file_name, *(one.file_name for one in NEXT)}
        root.dnf("--refresh", "upgrade")
        assert root.installed()["libcudnn8"] == f"{NEXT[0].version}-{NEXT[0].release}"
        project.run("rollback", "1")
        assert root.query("--refresh", "--available", "libcudnn8-devel") == [
            f"libcudnn8-devel-0:{DEVEL.version}-{DEVEL.release}.x86_64"
        ]
    put(downloads, built, DEVEL)
    changed_bytes(downloads, project)


def changed_bytes(downloads: Path, project: Project) -> None:
    add(downloads, simple_rpm(LIB.name, LIB.version, LIB.release))
    assert "version changed in place" in project.fail(5, "lock").error
    project.run("lock", "--accept-changed", LIB.name)
    project.run("sync")
    project.run("publish", "--release-rollback")
    assert (project.site / YUM / LIB.file_name).read_bytes() == (downloads / LIB.file_name).read_bytes()
