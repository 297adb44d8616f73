"""NVIDIA's own words with the host replaced, real apt and dnf: pinned and whole, folder and bucket."""

from __future__ import annotations

import platform
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import APT_PATH, Nvidia
from simulator.process import run
from simulator.project import DEB, Project
from simulator.s3 import S3Server
from simulator.site_key import SiteKey
from simulator.yum import YUM_PATH, Rhel
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.clients.dnf import DnfRoot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
]
APT, YUM = "ubuntu2004/x86_64", "rhel8/x86_64"
RPM = "8.0.5.39-1.cuda11.1"


@dataclass
class Shown:
    """A project, and the address of its site."""

    project: Project
    url: str


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    """A project that says at which address its site is."""
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()


@pytest.fixture
def folder(project: Project) -> Iterator[Shown]:
    """A site in a folder."""
    with http.serve(project.base / "site") as site:
        project.sections.append(f'nvidia-paths = true\nurl = "{site.url}/current"\n')
        yield Shown(project, f"{site.url}/current")


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.lengthy)])
def bucket(request: pytest.FixtureRequest, project: Project, s3_server: Callable[[str], S3Server]) -> Shown:
    """A site in a bucket, which clients read themselves."""
    server = s3_server(request.param)
    name = server.bucket()
    project.env |= server.env
    where = f'type = "s3"\nbucket = "{name}"\nendpoint = "{server.url}"\nprefix = "pub"\n'
    url = f"{server.url}/{name}/pub"
    project.sections.append(f'{where}nvidia-paths = true\nurl = "{url}"\n')
    return Shown(project, url)


def publish(project: Project) -> None:
    for verb in ("lock", "sync", "publish"):
        project.run(verb)


def add_apt(project: Project, nvidia: Nvidia, *, whole: bool) -> None:
    """Want cuDNN for one CUDA, or all that NVIDIA has, its ``cuda-keyring`` in the index as it is there."""
    if not whole:
        project.add_apt(nvidia, f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}")
        return
    for version in ("1.1-1", "1.2-1"):
        nvidia.repo.add(write_deb(simple_deb("cuda-keyring", version, "all"), nvidia.folder))
    nvidia.repo.publish()
    keys, keyrings = [nvidia.key.fingerprint], [str(nvidia.key_file)]
    project.add("upstream", name=APT, type="apt", url=nvidia.apt_url, keys=keys, keyrings=keyrings, whole=True)


def add_yum(project: Project, rhel: Rhel, *, whole: bool) -> None:
    keys = {"keys": [rhel.key.fingerprint], "keyrings": [str(rhel.key_file), str(rhel.old_key_file)]}
    keys["rpm_keys"] = [rhel.key.fingerprint, rhel.old_key.fingerprint]
    project.add("upstream", name=YUM, type="yum", url=rhel.url, whole=whole, **keys)
    if not whole:
        project.add("pin", upstream=YUM, packages=[f"libcudnn8-{RPM}", f"libcudnn8-devel-{RPM}"])


def fetch(url: str, into: Path) -> Path:
    """Do what wget does."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        into.write_bytes(answer.read())
    return into


def guide_of_8(root: AptRoot, url: str, tmp_path: Path) -> None:
    """Follow section 2.3.4 of the guide of 8.0.5, with another host."""
    pin = fetch(f"{url}/cuda-ubuntu2004.pin", tmp_path / "cuda-ubuntu2004.pin")
    shutil.move(pin, root.path / "etc/apt/preferences.d/cuda-repository-pin-600")
    run("apt-key", "adv", "--fetch-keys", f"{url}/7fa2af80.pub", env=root.env)
    (root.path / "etc/apt/sources.list").write_text(f"deb {url}/ /\n")


def dockerfile_of_today(root: AptRoot, url: str, tmp_path: Path) -> None:
    """Do what Dockerfiles do: the source that is installed names a key file of the root."""
    deb = fetch(f"{url}/cuda-keyring_1.1-1_all.deb", tmp_path / "cuda-keyring_1.1-1_all.deb")
    root.apt_get("install", str(deb))
    source = root.path / "etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list"
    assert source.read_text() == f"deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] {url}/ /\n"
    source.write_text(source.read_text().replace("signed-by=/", f"signed-by={root.path}/"))


def signed_by(root: AptRoot, url: str, tmp_path: Path) -> None:
    """Enrol the key by hand, as Dockerfiles that want no package do."""
    key = fetch(f"{url}/3bf863cc.pub", tmp_path / "3bf863cc.pub")
    ring = root.path / "usr/share/keyrings/nvidia.gpg"
    ring.parent.mkdir(parents=True, exist_ok=True)
    run("gpg", "--dearmor", "-o", ring, key)
    (root.path / "etc/apt/sources.list.d/cuda.list").write_text(f"deb [signed-by={ring}] {url}/ /\n")


Words = Callable[[AptRoot, str, Path], None]


def with_repo(path: Path, url: str) -> DnfRoot:
    """Follow the guide for rhel8, with another host."""
    root = DnfRoot(path)
    root.provide("libc.so.6()(64bit)")
    root.dnf("config-manager", "--add-repo", f"{url}{YUM_PATH}/cuda-rhel8.repo")
    root.dnf("clean", "all")
    return root


_APT_KEY = pytest.mark.skipif(not shutil.which("apt-key"), reason="apt has no apt-key")


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        pytest.param(guide_of_8, False, marks=_APT_KEY),
        pytest.param(guide_of_8, True, marks=_APT_KEY),
        (dockerfile_of_today, False),
        (dockerfile_of_today, True),
        (signed_by, False),
    ],
)
def test_apt(folder: Shown, nvidia: Nvidia, tmp_path: Path, words: Words, *, whole: bool) -> None:
    project = folder.project
    add_apt(project, nvidia, whole=whole)
    publish(project)
    nvidia.server.forget()
    root = AptRoot(tmp_path / "root")
    words(root, folder.url + APT_PATH, tmp_path)
    root.update()
    root.install(f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}")
    assert root.version("libcudnn8") == DEB
    held = root.apt_get("dist-upgrade", "-y").stdout
    assert "cuda-keyring" not in held, "the index has NVIDIA's of the same version, and a newer one"
    if words is not signed_by:
        assert "600" in root.policy("libcudnn8")
    assert nvidia.server.requests == [], "no client went to NVIDIA"
    assert project.run("verify", "--json").json["faults"] == []
    assert project.run("publish", "--json").json["fresh"] is False, "the same files again"


@pytest.mark.parametrize("whole", [False, True], ids=["pinned", "whole"])
def test_dnf(folder: Shown, rhel: Rhel, tmp_path: Path, *, whole: bool) -> None:
    project = folder.project
    add_yum(project, rhel, whole=whole)
    publish(project)
    rhel.server.forget()
    root = with_repo(tmp_path / "dnf", folder.url)
    root.install(f"libcudnn8-{RPM}", f"libcudnn8-devel-{RPM}")
    assert root.installed()["libcudnn8-devel"] == RPM
    assert root.query("--repo", "cuda-rhel8-x86_64", f"libcudnn8-{RPM}")
    assert rhel.server.requests == []
    assert project.run("verify", "--json").json["faults"] == []


@pytest.mark.parametrize("whole", [False, True], ids=["pinned", "whole"])
def test_a_bucket(bucket: Shown, nvidia: Nvidia, rhel: Rhel, tmp_path: Path, *, whole: bool) -> None:
    project = bucket.project
    add_apt(project, nvidia, whole=whole)
    add_yum(project, rhel, whole=whole)
    for verb in ("lock", "sync"):
        project.run(verb)
    told = project.run("publish", "--dry-run").out
    copies = project.run("publish", "--json").json["copies"]
    assert f"NVIDIA's paths: {copies['files']} copies made on the server" in told
    nvidia.server.forget()
    rhel.server.forget()
    apt = AptRoot(tmp_path / "root")
    dockerfile_of_today(apt, bucket.url + APT_PATH, tmp_path)
    apt.update()
    apt.install(f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}")
    dnf = with_repo(tmp_path / "dnf", bucket.url)
    dnf.install(f"libcudnn8-{RPM}")
    assert (apt.version("libcudnn8"), dnf.installed()["libcudnn8"]) == (DEB, RPM)
    assert nvidia.server.requests == rhel.server.requests == []
    assert project.run("verify", "--json").json["faults"] == []
    assert project.run("publish", "--json").json["fresh"] is False
