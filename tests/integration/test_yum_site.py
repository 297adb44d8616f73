"""The real dnf installs from a published yum site what was pinned, in that version, with every signature checked."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.process import run
from simulator.project import Project
from simulator.rpms import simple_rpm, write_rpm
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients import http
from tests.clients.dnf import DnfRoot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
]
YUM = "rhel8/x86_64"
OLD, NEW = "8.0.5.39-1.cuda11.1", "8.2.4.15-1.cuda11.4"
CUDNN = (f"libcudnn8-{OLD}", f"libcudnn8-devel-{OLD}")


def add_yum(project: Project, rhel: Rhel, *packages: str, **upstream: object) -> None:
    """Add NVIDIA's yum repository and pins on it."""
    keys = {"keys": [rhel.key.fingerprint], "keyrings": [str(rhel.key_file), str(rhel.old_key_file)]}
    keys["rpm_keys"] = [rhel.key.fingerprint, rhel.old_key.fingerprint]
    project.add("upstream", name=YUM, type="yum", url=rhel.url, **{**keys, **upstream})
    if packages:
        project.add("pin", upstream=YUM, packages=list(packages))


def publish(project: Project) -> None:
    """Lock, sync and publish."""
    for verb in ("lock", "sync", "publish"):
        project.run(verb)


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    """A project that wants nothing yet."""
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()


@pytest.fixture
def site(project: Project) -> Iterator[http.Site]:
    with http.serve(project.base / "site") as one:
        yield one


def configured(project: Project, site: http.Site, root: DnfRoot) -> DnfRoot:
    """Give a client what `cudepot client dnf` writes for it."""
    done = project.run("client", "dnf", YUM, "--url", f"{site.url}/current", "--json").json
    for name in done["files"]:
        data = Path(done["folder"], name).read_bytes()
        into = root.path / name
        into.parent.mkdir(parents=True, exist_ok=True)
        # dnf reads keys and lists from the host's root, not from the installation's
        into.write_bytes(data.replace(b"file:///etc/", f"file://{root.path}/etc/".encode()))
    return root


@pytest.fixture
def root(tmp_path: Path) -> DnfRoot:
    made = DnfRoot(tmp_path / "dnf")
    made.provide("libc.so.6()(64bit)")
    return made


def test_dnf_installs_the_pinned_version(project: Project, rhel: Rhel, site: http.Site, root: DnfRoot) -> None:
    add_yum(project, rhel, *CUDNN)
    publish(project)
    rhel.server.forget()
    configured(project, site, root)
    root.install(*CUDNN)
    found = root.installed()
    assert found["libcudnn8"] == found["libcudnn8-devel"] == OLD
    assert root.file("/usr/lib64/libcudnn.so.8.0.5").is_file()
    assert root.query("libcudnn8*") == [f"libcudnn8-0:{OLD}.x86_64", f"libcudnn8-devel-0:{OLD}.x86_64"]
    assert site.count("*/repomd.xml.asc", status=200) >= 1
    assert rhel.server.requests == [], "the client never went to the upstream"
    project.run("verify")


def test_dnf_refuses_the_site_under_another_key(project: Project, rhel: Rhel, site: http.Site, root: DnfRoot) -> None:
    add_yum(project, rhel, *CUDNN)
    publish(project)
    root.add_repo("acme", f"{site.url}/current/yum/{YUM}/", rhel.key_file)
    assert root.install(CUDNN[0], check=False).returncode


def test_locked_versions_are_held_though_newer_ones_are_there(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot
) -> None:
    add_yum(project, rhel, *CUDNN)
    publish(project)
    configured(project, site, root)
    root.lock_versions().write_text((root.path / "etc/dnf/plugins/versionlock.list").read_text())
    locked = root.lock_versions().read_text()
    assert f"libcudnn8-0:{OLD}.*" in locked
    root.install("libcudnn8-devel")
    project.add("pin", upstream=YUM, packages=[f"libcudnn8-{NEW}", f"libcudnn8-devel-{NEW}"])
    publish(project)
    root.add_repo("upstream", rhel.url, rhel.key_file)
    root.dnf("--refresh", "upgrade")
    assert root.installed()["libcudnn8"] == OLD
    assert root.install(f"libcudnn8-{NEW}", check=False).returncode, "not even by name"
    configured(project, site, root)
    root.dnf("--refresh", "upgrade")
    assert root.installed()["libcudnn8"] == NEW, "locked now, and configured anew"


def test_excludes_hold_the_locked_versions_without_a_plugin(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot, tmp_path: Path
) -> None:
    add_yum(project, rhel, *CUDNN)
    publish(project)
    done = project.run("client", "dnf", YUM, "--url", "https://x/", "--hold", "excludes", "--json").json
    assert "etc/dnf/plugins/versionlock.list" not in done["files"]
    assert done["merge"] == "cat /etc/dnf/acme-excludes.conf >> /etc/dnf/dnf.conf"
    excludes = Path(done["folder"], "etc/dnf/acme-excludes.conf").read_text()
    folder = tmp_path / "other"
    for version, release in (
        ("8.0.5.39", "1.cuda11.10"), ("8.0.5.39", "1.cuda11"), ("8.0.5", "1.cuda11.1"), ("8.0.5.390", "1.cuda11.1"),
        ("8.2.4.15", "1.cuda11.4"), ("10.0", "1"), ("8.0.5.39", "2.cuda11.1"),
    ):  # fmt: skip
        write_rpm(simple_rpm("libcudnn8", version, release), folder)
    write_rpm(simple_rpm("libcudnn8", "8.0.5.39", "1.cuda11.1", "x86_64", "Epoch: 2"), folder)
    write_rpm(simple_rpm("libcudnn8-doc", "9.0", "1"), folder)  # begins alike, and is not locked
    run("createrepo_c", "--quiet", folder)
    configured(project, site, root)
    root.add_repo("other", folder.as_uri(), None)
    assert len(root.query("libcudnn8")) == 9, "all of them are offered"
    with (root.path / "dnf.conf").open("a") as conf:
        conf.write(excludes)
    assert root.query("libcudnn8") == [f"libcudnn8-0:{OLD}.x86_64"]
    assert root.query("libcudnn8-d*") == ["libcudnn8-devel-0:" + OLD + ".x86_64", "libcudnn8-doc-0:9.0-1.x86_64"]
    root.install("libcudnn8-devel", "libcudnn8-doc")
    root.dnf("--refresh", "upgrade")
    assert root.installed()["libcudnn8"] == OLD
    assert root.install("libcudnn8-8.2.4.15", check=False).returncode, "not even by name"


@pytest.mark.parametrize(("stream", "version"), [("", "455.45.01-1.el8"), ("460", "460.32.03-1.el8")])
def test_module_streams_of_the_site(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot, stream: str, version: str
) -> None:
    add_yum(project, rhel, *CUDNN, "nvidia-driver-3:455*", "nvidia-driver-3:460*")
    publish(project)
    configured(project, site, root)
    if stream:
        root.dnf("module", "enable", f"nvidia-driver:{stream}")
    root.install("nvidia-driver", CUDNN[0])
    assert root.installed()["nvidia-driver"] == version


def test_a_stream_that_is_not_there_is_not_offered(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot
) -> None:  # fmt: skip
    add_yum(project, rhel, "nvidia-driver-3:460*", *CUDNN)
    publish(project)
    configured(project, site, root)
    listed = root.dnf("module", "list", "nvidia-driver").stdout
    assert "460" in listed
    assert "latest-dkms" not in listed
    assert root.install("nvidia-driver", check=False).returncode, "modular, and its stream is not enabled"
    root.dnf("module", "enable", "nvidia-driver:460")
    root.install("nvidia-driver", CUDNN[0])
    assert root.installed()["nvidia-driver"] == "460.32.03-1.el8"


def test_another_machine_from_the_site(project: Project, rhel: Rhel, site: http.Site, tmp_path: Path) -> None:
    add_yum(project, rhel, *CUDNN, architectures=["x86_64", "aarch64"])
    publish(project)
    root = DnfRoot(tmp_path / "dnf", arch="aarch64")
    root.provide("libc.so.6()(64bit)")
    configured(project, site, root)
    root.install(*CUDNN)
    assert root.query("--installed", "libcudnn8") == [f"libcudnn8-0:{OLD}.aarch64"]


def test_a_closure_over_meta_packages_files_and_rich_dependencies(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot
) -> None:
    add_yum(project, rhel, "app", "NsightSystems", "libstuff++", boundary=["glibc"])
    publish(project)
    root.provide("glibc", "libc.so.6()(64bit)")
    configured(project, site, root)
    root.install("app", "NsightSystems", "libstuff++")
    assert {"app", "cudnn", "NsightSystems", "libstuff++"} <= root.installed().keys(), "app needs a file of cudnn"
    held = {line.partition("-0:")[0] for line in (root.path / "etc/dnf/plugins/versionlock.list").read_text().split()}
    assert held == {"app", "NsightSystems", "libstuff++"}, "what app names in no exact version may be updated"


def test_groups_are_trimmed_to_what_is_there(project: Project, rhel: Rhel, site: http.Site, root: DnfRoot) -> None:
    add_yum(project, rhel, *CUDNN)
    publish(project)
    configured(project, site, root)
    listed = root.dnf("group", "info", "cuDNN").stdout
    assert "libcudnn8" in listed
    assert "libcudnn7" not in listed


def test_a_client_follows_a_rollback(project: Project, rhel: Rhel, site: http.Site, root: DnfRoot) -> None:
    add_yum(project, rhel, *CUDNN)
    publish(project)
    configured(project, site, root)
    project.add("pin", upstream=YUM, packages=[f"libcudnn8-{NEW}"])
    publish(project)
    assert f"libcudnn8-0:{NEW}.x86_64" in root.query("libcudnn8")
    project.run("rollback", "1")
    assert root.query("--refresh", "libcudnn8") == [f"libcudnn8-0:{OLD}.x86_64"]
    root.install(*CUDNN)


def whole(project: Project, rhel: Rhel, **upstream: object) -> None:
    add_yum(project, rhel, whole=True, **upstream)
    publish(project)


def test_an_unsigned_upstream_is_checked_by_its_packages_only(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot
) -> None:
    for one in rhel.repo.repomd.parent.glob("repomd.xml.*"):
        one.unlink()
    whole(project, rhel, trust="hash-lock", keys=[])
    assert "metadata is unsigned" in project.run("client", "dnf", YUM, "--url", "https://x/").out
    configured(project, site, root)
    assert not (root.path / "etc/dnf/plugins/versionlock.list").read_text(), "nothing is pinned"
    root.install(CUDNN[0])
    text = (root.path / "etc/yum.repos.d/acme.repo").read_text()
    assert "repo_gpgcheck=0" in text
    assert "\ngpgcheck=1" in text


def test_a_whole_mirror_is_taken_with_nvidias_own_keys(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot
) -> None:
    whole(project, rhel)
    shown = project.site / "yum" / YUM
    for path in (rhel.repo.repomd, rhel.repo.repomd.with_name("repomd.xml.asc"), rhel.repo.metadata("modules")):
        assert (shown / "repodata" / path.name).read_bytes() == path.read_bytes()
    there = {path.name for path in rhel.repo.folder.glob("*.rpm")}
    assert {path.name for path in shown.glob("*.rpm")} == there
    rhel.server.forget()
    configured(project, site, root)
    root.install(CUDNN[1], "libcudnn7", "NsightSystems", "libstuff++")
    found = root.installed()
    assert (found["libcudnn8"], found["libcudnn7"]) == (OLD, "7.6.5.32-1.cuda10.2"), "two keys sign them"
    assert rhel.server.requests == []


def test_a_client_goes_on_through_an_update_of_the_whole_mirror(
    project: Project, rhel: Rhel, site: http.Site, root: DnfRoot
) -> None:
    whole(project, rhel)
    configured(project, site, root)
    root.query("libcudnn8")
    rhel.rpm(f"libcudnn8-devel-{OLD}.x86_64").unlink()
    rhel.repo.publish()
    publish(project)
    assert root.dnf("--refresh", "repoquery", f"libcudnn8-devel-{OLD}.x86_64").stdout.strip() == ""
    root.install(CUDNN[0])
    assert root.installed()["libcudnn8"] == OLD
