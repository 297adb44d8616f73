"""NVIDIA's host in a private DNS, a private authority, nothing changed on clients: real apt and dnf over TLS."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.process import run
from simulator.project import DEB, Project
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients.apt import AptRoot
from tests.clients.dnf import DnfRoot
from tests.clients.tls import Authority
from tests.clients.web import documented, nginx_command
from tests.integration.test_nvidia_paths import APT_PATH, RPM, YUM_PATH, add_apt, add_yum, publish

TOOLKIT = "https://nvidia.github.io/libnvidia-container"
HOST = "https://developer.download.nvidia.com"
ALONE = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--mount", "--net")
"""Gives a command mounts and a network of its own: /etc/hosts is its DNS."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
    pytest.mark.skipif(run(*ALONE, "true", check=False).returncode != 0, reason="namespaces are forbidden here"),
]


def test_clients_as_nvidia_has_them(
    site_key: SiteKey, nvidia: Nvidia, rhel: Rhel, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.sections.append(f'nvidia-paths = true\nurl = "{HOST}"\n')
    add_apt(project, nvidia, whole=False)
    add_yum(project, rhel, whole=False)
    add_toolkit(project, nvidia, rhel)
    publish(project)
    apt, dnf = AptRoot(tmp_path / "apt"), DnfRoot(tmp_path / "dnf")
    dnf.provide("libc.so.6()(64bit)")
    (apt.path / "usr/share/keyrings").mkdir(parents=True)
    words = f"""
wget -q {HOST}{APT_PATH}/cuda-keyring_1.1-1_all.deb
apt-get install -y ./cuda-keyring_1.1-1_all.deb
apt-get -o APT::Update::Error-Mode=any update
apt-get install -y libcudnn8={DEB}
dnf {options(dnf)} config-manager --add-repo {HOST}{YUM_PATH}/cuda-rhel8.repo
dnf {options(dnf)} clean all
dnf {options(dnf)} install libcudnn8-{RPM}
curl -fsSL {TOOLKIT}/gpgkey | gpg --dearmor -o /usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
curl -s -L {TOOLKIT}/stable/deb/nvidia-container-toolkit.list |
  sed 's#deb https://#deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg] https://#g' |
  tee {apt.path}/etc/apt/sources.list.d/nvidia-container-toolkit.list
apt-get -o APT::Update::Error-Mode=any update
apt-get install -y nvidia-container-toolkit
curl -s -L {TOOLKIT}/stable/rpm/nvidia-container-toolkit.repo |
  tee {dnf.path}/etc/yum.repos.d/nvidia-container-toolkit.repo
dnf {options(dnf)} install -y NsightSystems
"""
    env = apt.env | {"HOME": str(dnf.path / "home")}
    in_private(words, env, apt, project, tmp_path_factory.mktemp("private"))
    dnf.add_repo("cuda-rhel8", "file:///", None, enabled=0)  # out here that name leads to NVIDIA
    assert apt.version("libcudnn8") == DEB
    source = (apt.path / "etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list").read_text()
    assert source == f"deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] {HOST}{APT_PATH}/ /\n", (
        "as NVIDIA's"
    )
    dnf.add_repo("nvidia-container-toolkit", "file:///", None, enabled=0)
    assert apt.version("nvidia-container-toolkit") == "1.17.8-1"
    assert dnf.installed().keys() >= {"libcudnn8", "NsightSystems"}
    assert dnf.installed()["libcudnn8"] == RPM


def add_toolkit(project: Project, nvidia: Nvidia, rhel: Rhel) -> None:
    """Want the container toolkit, which NVIDIA has on GitHub: debs for amd64, rpms for x86_64."""
    debs = FlatRepo(nvidia.root / "libnvidia-container/stable/deb/amd64", nvidia.keys, nvidia.key)
    debs.add(write_deb(simple_deb("nvidia-container-toolkit", "1.17.8-1"), nvidia.folder))
    debs.publish()
    rpms = rhel.root / "libnvidia-container/stable/rpm/x86_64"
    shutil.copytree(rhel.repo.folder, rpms)
    wanted = {
        "toolkit/amd64": ("apt", nvidia.url, "deb/amd64", nvidia.key, nvidia.key_file, "nvidia-container-toolkit"),
        "toolkit/x86_64": ("yum", rhel.server.url, "rpm/x86_64", rhel.key, rhel.key_file, "NsightSystems"),
    }
    for name, (kind, url, folder, key, file, package) in wanted.items():
        place = f"{url}/libnvidia-container/stable/{folder}/"
        pinned: dict[str, object] = {"keys": [key.fingerprint], "keyrings": [str(file)]}
        project.add("upstream", name=name, type=kind, url=place, **pinned)
        project.add("pin", upstream=name, packages=[package])


def options(dnf: DnfRoot) -> str:
    argv = ["-c", f"{dnf.path}/dnf.conf", f"--installroot={dnf.path}/install", f"--releasever={dnf.release}"]
    return shlex.join(argv)


def in_private(words: str, env: dict[str, str], apt: AptRoot, project: Project, folder: Path) -> None:
    """Run a client's words where NVIDIA's name leads to nginx, set up as docs/sites.md says."""
    authority = Authority(folder / "ca", "private authority")
    tls = documented("nginx-tls")
    certificate, key = authority.server("developer.download.nvidia.com", "nvidia.github.io")
    for path, ours in (("/etc/ssl/nvidia.pem", certificate), ("/etc/ssl/nvidia.key", key)):
        assert path in tls
        tls = tls.replace(path, str(ours))
    server = nginx_command(project.base, folder, tls.strip().removeprefix("listen ").rstrip(";"))
    (folder / "hosts").write_text("127.0.0.1 localhost developer.download.nvidia.com nvidia.github.io\n")
    mounts = {folder / "hosts": "/etc/hosts", authority.file: "/etc/ssl/certs/ca-certificates.crt"}
    mounts[apt.path / "usr/share/keyrings"] = "/usr/share/keyrings"
    script = "\n".join([
        "set -eux", "ip link set lo up", *(f"mount --bind {ours} {place}" for ours, place in mounts.items()),
        f"cd {folder}", f"{shlex.join(server)} & server=$!", "trap 'kill $server' EXIT",
        f"until curl -fsS -o /dev/null {HOST}/; do sleep 0.1; kill -0 $server; done", words,
    ])  # fmt: skip
    run(*ALONE, "sh", "-c", script, env=env, cwd=folder)
