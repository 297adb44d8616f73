"""rpms of a folder become a yum repository, as debs of one become an apt one (G8): the real dnf installs from it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.debs import cudnn_debs, write_deb
from simulator.project import Project
from simulator.rpms import rpm_says
from simulator.s3 import S3Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from simulator.yum import RhelArtifacts
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.clients.dnf import DnfRoot
from tests.kinds.folder.rpms import (
    NAME,
    NEW,
    OLD,
    OTHER,
    YUM,
    configured,
    keys_of,
    publish,
    shown,
    want,
    write_downloads,
)

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed")


@pytest.fixture(scope="module")
def downloaded(rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; read only."""
    folder = tmp_path_factory.mktemp("rpms")
    write_downloads(folder, rhel_artifacts)
    return folder


@pytest.fixture
def downloads(downloaded: Path, project: Project) -> Path:
    """The folder beside cudepot.toml."""
    return Path(shutil.copytree(downloaded, project.base / NAME))


def test_dnf_installs_with_every_signature_checked(
    project: Project, downloads: Path, rhel_artifacts: RhelArtifacts, tmp_path: Path
) -> None:
    want(project, **keys_of(project, rhel_artifacts))
    assert "the distribution must provide: libc.so.6()(64bit)\n" in project.run("lock").out
    for verb in ("sync", "publish", "verify"):
        project.run(verb)
    assert shown(project) == {one.name for one in downloads.iterdir()}
    with http.serve(project.site) as site:
        root = configured(project, site.url, tmp_path / "dnf")
        repo = (root.path / "etc/yum.repos.d/acme.repo").read_text()
        root.install(f"libcudnn8-devel-{OLD}", f"libcudnn8-samples-{OLD}", "nccl-tools")
        arm = configured(project, site.url, tmp_path / "arm", arch="aarch64")
        arm.install(f"libcudnn8-devel-{NEW}", "nccl-tools")
    assert "\ngpgcheck=1" in repo
    assert "\nrepo_gpgcheck=1" in repo
    installed = root.installed()
    assert {installed[name] for name in ("libcudnn8", "libcudnn8-devel", "libcudnn8-samples")} == {OLD}
    assert root.file("/usr/include/cudnn.h").is_file()
    listed = arm.dnf("repoquery", "--quiet", "--installed", "--qf", "%{name}.%{arch}").stdout.split()
    assert {"libcudnn8.aarch64", "libcudnn8-devel.aarch64"} <= set(listed)
    for one in (project.site / YUM).glob("*.rpm"):
        assert "NOT OK" not in rpm_says(one, tmp_path, rhel_artifacts.key)


def test_without_keys_that_is_said_and_only_the_metadata_are_checked(
    project: Project, downloads: Path, tmp_path: Path
) -> None:
    want(project, "libcudnn8-*.x86_64.rpm")
    told = "the signatures of its rpms are not checked: to check them, list the keys in `rpm-keys`"
    for verb in ("lock", "sync", "publish", "status"):
        done = project.run(verb)
        assert told in done.out + done.err, verb
    with http.serve(project.site) as site:
        root = configured(project, site.url, tmp_path / "dnf")
        assert "\ngpgcheck=0\nrepo_gpgcheck=1\n" in (root.path / "etc/yum.repos.d/acme.repo").read_text()
        root.install(f"libcudnn8-{NEW}")
    assert root.installed()["libcudnn8"] == NEW


def test_debs_and_rpms_of_one_folder_are_both_published(
    project: Project, downloads: Path, site_key: SiteKey, tmp_path: Path
) -> None:
    debs = [write_deb(one, downloads) for one in cudnn_debs(CudnnRelease("8.0.5.39", "11.1"))]
    project.sections.append('url = "http://127.0.0.1:9"\n')  # of [site]: its clients' files are on it
    want(project, "*.rpm", "*.deb")
    publish(project)
    assert {one.name for one in (project.site / f"apt/{NAME}").glob("*.deb")} == {one.name for one in debs}
    assert OTHER in shown(project)
    given = project.site / "clients" / NAME
    assert (given / "etc/apt/sources.list.d/acme.sources").is_file()
    assert (given / "etc/yum.repos.d/acme.repo").is_file()
    apt = AptRoot(tmp_path / "apt")
    with http.serve(project.site) as site:
        apt.add_source(f"{site.url}/apt/{NAME}/", site_key.keyring)
        apt.update()
        apt.install("libcudnn8-dev")
        root = configured(project, site.url, tmp_path / "dnf")
        root.install(f"libcudnn8-devel-{NEW}")
    assert apt.status("libcudnn8") == "install ok installed"
    assert root.installed()["libcudnn8"] == NEW


def test_what_else_names_packages_names_these(project: Project, downloads: Path, tmp_path: Path) -> None:
    want(project, f"libcudnn8*-{NEW}.x86_64.rpm")
    publish(project)
    line = "dnf install libcudnn8-8.0.5.39-1.cuda11.1 libcudnn8-devel-8.0.5.39-1.cuda11.1"
    assert f"libcudnn8-0:{NEW}.*" in project.run("export", "dnf", "--url", "http://site").out
    assert line in project.run("export", "dockerfile-rhel", "--url", "http://site").out
    assert f"http://site/{YUM}/" in project.run("export", "ansible", "--url", "http://site").out
    assert f"site {YUM}/repodata/repomd.xml" in project.run("verify", "--clients").out
    project.sections[-1] = project.sections[-1].replace(NEW, "*")
    project.write()
    publish(project)
    assert f"+ yum {YUM}: libcudnn8-devel {OLD} (pin)" in project.run("diff", "1", "2").out
    project.run("gc", "--keep", "1")
    project.run("verify")


def test_the_same_bytes_are_published_as_they_are_and_repackaged(project: Project, downloads: Path) -> None:
    from simulator.cudnn import licence

    (downloads / f"libcudnn8-devel-{NEW}.x86_64.rpm").rename(downloads / "libcudnn8(1).rpm")  # the name inside counts
    names = (f"libcudnn8-{NEW}.x86_64.rpm", f"libcudnn8-samples-{NEW}.x86_64.rpm", "libcudnn8(1).rpm")
    want(project, *names, outputs=("mirror", "conda", "wheel"))
    project.sections[-1] += 'recipe = "cudnn"\n'
    project.accept_eula(licence(CudnnRelease("8.0.5.39", "11.1")))
    project.publish()
    assert f"libcudnn8-{NEW}.x86_64.rpm" in shown(project)
    assert list((project.site / "conda/main/linux-64").glob("cudnn-8.0.5.39-cuda11.1_*.conda"))
    assert list((project.site / "wheels").glob("nvidia_cudnn_cu11-8.0.5.39+acme.1-*.whl"))


def test_from_a_bucket(
    site_key: SiteKey, downloaded: Path, s3_server: Callable[[str], S3Server], tmp_path: Path
) -> None:
    server = s3_server("moto")
    bucket = server.bucket()
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    project.env |= server.env
    project.sections.append(f'type = "s3"\nbucket = "{bucket}"\nendpoint = "{server.url}"\n')
    project.init()
    shutil.copytree(downloaded, project.base / NAME)
    want(project)
    publish(project)
    project.run("verify")
    root = DnfRoot(tmp_path / "dnf")
    root.provide("libc.so.6()(64bit)")
    root.add_repo("acme", f"{server.url}/{bucket}/{YUM}/", site_key.key_file, gpgcheck=0)
    root.install(f"libcudnn8-devel-{OLD}")
    assert root.installed()["libcudnn8"] == OLD


def test_across_a_gap_where_the_far_side_expects_it(
    project: Project, downloads: Path, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project)
    publish(project)
    bundle = tmp_path / "rpms.tar"
    project.run("bundle", "export", str(bundle), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file, "A" * 40).init()
    assert "this repository is unsigned" in far.refuse(5, bundle)
    before = far.toml.read_text()
    far.toml.write_text(before.replace("unsigned-upstreams = []", f'unsigned-upstreams = ["{NAME}"]'))
    far.take(bundle)
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []
    assert shown(far) == shown(project)
    with http.serve(far.site) as site:
        root = DnfRoot(tmp_path / "dnf")
        root.provide("libc.so.6()(64bit)")
        root.add_repo("acme", f"{site.url}/{YUM}/", site_key.key_file, gpgcheck=0)
        root.install(f"libcudnn8-{OLD}")
    assert root.installed()["libcudnn8"] == OLD
