"""Real apt-get, with the upstream's own key, installs from a published whole mirror as it does from the upstream."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from tests.clients.apt import AptRoot
from tests.clients.http import serve
from tests.integration.world import Project

NAME = "ubuntu2004/x86_64"
DEB = "8.0.5.39-1+cuda11.1"
PIN_FILE = "Package: *\nPin: release l=NVIDIA CUDA\nPin-Priority: 600\n"

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the stand-in artifacts are for x86_64")


def whole_upstream(nvidia: Nvidia, *extras: str) -> str:
    """Return the section that mirrors NVIDIA's repository whole."""
    listed = ", ".join(f'"{one}"' for one in extras)
    return f"""
[[upstream]]
name = "{NAME}"
type = "apt"
url = "{nvidia.apt_url}"
keys = ["{nvidia.key.fingerprint}"]
keyrings = ["{nvidia.key_file}"]
whole = true
extras = [{listed}]
"""


def mirrored(nvidia: Nvidia, folder: Path) -> Project:
    """Return a project that shows all of NVIDIA's repository, its pin file and key included."""
    nvidia.repo.put(nvidia.repo.folder / "cuda-ubuntu2004.pin", PIN_FILE.encode())
    project = Project(folder)
    folder.mkdir()
    project.init()
    project.append(whole_upstream(nvidia, "cuda-ubuntu2004.pin", nvidia.repo.pub_name))
    for verb in ("lock", "sync", "publish"):
        project.cudepot(verb)
    return project


def test_apt_installs_from_the_whole_mirror_with_the_upstreams_own_key(nvidia: Nvidia, tmp_path: Path) -> None:
    project = mirrored(nvidia, tmp_path / "project")
    site = project.site / "apt" / NAME
    for name in ("InRelease", "Packages"):
        assert (site / name).read_bytes() == (nvidia.repo.folder / name).read_bytes()
    keyring, root = nvidia.keyring, AptRoot(tmp_path / "root")
    nvidia.server.forget()
    with serve(project.site) as served:
        root.add_source(f"{served.url}/apt/{NAME}/", keyring)
        # apt heeds no .pin there; NVIDIA's instructions rename it likewise
        shutil.copy(site / "cuda-ubuntu2004.pin", root.path / "etc/apt/preferences.d/cuda-repository-pin-600")
        root.update()
        assert "600" in root.policy("libcudnn8")
        root.install(f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}")
        assert served.count("*/./*.deb") + served.count("*_amd64.deb", status=200) >= 2
    assert root.status("libcudnn8-dev") == "install ok installed"
    assert root.file("/usr/include/cudnn.h").read_bytes() == nvidia.built().parts.headers["cudnn"]
    assert nvidia.server.requests == [], "the client never went to the upstream"
    project.cudepot("verify")


def test_apt_does_not_take_the_whole_mirror_with_the_sites_key(nvidia: Nvidia, tmp_path: Path) -> None:
    project = mirrored(nvidia, tmp_path / "project")
    root = AptRoot(tmp_path / "root")
    with serve(project.site) as served:
        root.add_source(f"{served.url}/apt/{NAME}/", project.key)
        assert "NO_PUBKEY" in root.update(check=False).stderr


def test_a_client_goes_on_through_an_update_of_the_whole_mirror(nvidia: Nvidia, tmp_path: Path) -> None:
    project = mirrored(nvidia, tmp_path / "project")
    root = AptRoot(tmp_path / "root")
    with serve(project.site) as served:
        root.add_source(f"{served.url}/apt/{NAME}/", nvidia.keyring)
        root.update()
        nvidia.repo.forget(f"libcudnn8-dev_{DEB}_amd64.deb")
        nvidia.repo.publish()
        for verb in ("lock", "sync", "publish"):
            project.cudepot(verb)
        assert not (project.site / "apt" / NAME / f"libcudnn8-dev_{DEB}_amd64.deb").exists()
        root.update()
        assert DEB not in root.policy("libcudnn8-dev")
        root.install(f"libcudnn8={DEB}")
    assert root.status("libcudnn8") == "install ok installed"
