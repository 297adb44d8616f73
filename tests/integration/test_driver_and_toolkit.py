"""Driver and CUDA toolkit from NVIDIA's repository, as docs/apt.md and docs/yum.md pin them, with real clients."""

from __future__ import annotations

import platform
import tomllib
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, Project
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.integration.test_client_apt import configured as configured_apt
from tests.integration.test_client_folders import configured as configured_dnf
from tests.integration.test_client_folders import in_folder
from tests.kinds.yum.world import NAME, add_yum

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
]
DRIVER = "455.45.01"
DEBS = {
    "cuda-drivers-455": f"nvidia-driver-455 (>= {DRIVER}), nvidia-dkms-455 (>= {DRIVER})",
    "nvidia-driver-455": "",
    "nvidia-dkms-455": "dkms",
}
TOOLKIT = {"cuda-toolkit-11-1": "cuda-libraries-11-1 (>= 11.1.1)", "cuda-libraries-11-1": ""}


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()


def debs(folder: Path, packages: dict[str, str], version: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    made = [simple_deb(name, version, **({"Depends": needs} if needs else {})) for name, needs in packages.items()]
    return [write_deb(one, folder) for one in made]


def versions(project: Project) -> dict[str, str]:
    locked = tomllib.loads(project.lock.read_text())
    return {one["name"]: one["version"] for one in locked["artifact"]}


def test_apt(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    """The closure comes along, the distribution has to have dkms; its newer driver is not taken, now or later."""
    nvidia.repo.add(*debs(tmp_path / "debs", DEBS, f"{DRIVER}-1"), *debs(tmp_path / "debs", TOOLKIT, "11.1.1-1"))
    nvidia.repo.publish()
    project.add_apt(nvidia, f"cuda-drivers-455={DRIVER}-1", "cuda-toolkit-11-1=11.1.1-1")
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert versions(project) == {**dict.fromkeys(DEBS, f"{DRIVER}-1"), **dict.fromkeys(TOOLKIT, "11.1.1-1")}
    assert tomllib.loads(project.lock.read_text())["upstream"][0]["external"] == ["dkms"]
    distro = FlatRepo(tmp_path / "distro", nvidia.keys, nvidia.key)
    distro.fields |= {"Origin": "Ubuntu", "Label": "Ubuntu"}
    distro.add(
        *debs(tmp_path / "more", {"dkms": ""}, "2.8"), *debs(tmp_path / "more", {"nvidia-driver-455": ""}, "455.99")
    )
    distro.publish()
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{distro.folder.as_uri()}/", nvidia.keyring, name="distro")
    with http.serve(project.base / "site") as site:
        configured_apt(project, site, root, "--cuda", "11.1")
        root.update()
        root.install("cuda-drivers-455", "cuda-toolkit-11-1")
        assert "0 upgraded" in root.apt_get("dist-upgrade", "-y").stdout
    assert root.version("nvidia-driver-455") == f"{DRIVER}-1"
    assert root.version("cuda-libraries-11-1") == "11.1.1-1"


def test_dnf(project: Project, rhel: Rhel, tmp_path: Path) -> None:
    """A driver in module streams: the pinned stream's packages are there, and dnf installs them once it is enabled."""
    (folder := tmp_path / "rpms").mkdir()
    made = [
        simple_rpm("cuda-toolkit-11-1", "11.1.1", "1", "x86_64", "Requires: cuda-libraries-11-1 >= 11.1.1"),
        simple_rpm("cuda-libraries-11-1", "11.1.1"),
        simple_rpm("cuda-drivers", DRIVER, "1", "x86_64", f"Requires: nvidia-driver >= 3:{DRIVER}", "Requires: dkms"),
    ]
    rpms = [write_rpm(one, folder) for one in made]
    sign_rpms(rpms, rhel.keys, rhel.key)
    rhel.repo.add(*rpms)
    rhel.repo.publish()
    add_yum(project, rhel, f"cuda-drivers-{DRIVER}", f"nvidia-driver-3:{DRIVER}", "cuda-toolkit-11-1-11.1.1-1")
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert set(versions(project)) == {"cuda-toolkit-11-1", "cuda-libraries-11-1", "cuda-drivers", "nvidia-driver"}
    assert "dkms" in tomllib.loads(project.lock.read_text())["upstream"][0]["external"]
    with http.serve(project.base / "site") as site:
        argv = ("--url", f"{site.url}/current", "--output", str(tmp_path / "clients"), "--json")
        done = project.run("client", "dnf", NAME, *argv).json
        root = configured_dnf(in_folder(Path(done["folder"])), tmp_path / "root")
        root.provide("libc.so.6()(64bit)", "dkms")
        root.lock_versions()
        root.install("cuda-drivers", "cuda-toolkit-11-1")
        assert "Nothing to do" in root.dnf("upgrade").stdout
    assert root.installed()["nvidia-driver"] == f"{DRIVER}-1.el8"
    assert root.installed()["cuda-libraries-11-1"] == "11.1.1-1"
    assert APT not in project.lock.read_text()
