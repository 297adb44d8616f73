"""From nothing to a site that serves cuDNN to apt, dnf, conda and pip: four commands, and no edit.

The commands are those a user types. What answers them is a copy of cudepot whose presets lead to the stand-ins and pin
their keys; one key file comes with it and the other is the user's to bring, as it is with NVIDIA's.
"""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import DEB, Done, Project
from simulator.rpms import samples_rpm, sign_rpms, write_rpm
from simulator.yum import Rhel, RhelArtifacts
from tests.clients import conda_env, http
from tests.clients.apt import AptRoot
from tests.clients.dnf import DnfRoot
from tests.clients.python_env import PythonEnv, load_cudnn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.lengthy,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
]
TOP = Path(__file__).parents[2]
APT, YUM = "ubuntu2004/x86_64", "rhel8/x86_64"
_HOST = "https://developer.download.nvidia.com/compute/cuda/repos"
WALK = (
    "init --label acme --distribution ubuntu2004 --distribution rhel8 --cudnn 8.0 --cuda 11.1 --closed --keyring KEY",
    "run",
    "licence accept --all",
    "run",
)


def copied(folder: Path, nvidia: Nvidia, rhel: Rhel) -> Path:
    """Make a copy of cudepot whose presets of two repositories are the stand-ins; return what PYTHONPATH names."""
    for name in ("mirror", "recipes", "channel-config"):
        shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").symlink_to(TOP / "docs")
    presets = folder / "channel-config/upstreams/nvidia.toml"
    text = presets.read_text()
    for fingerprint, key in (("EB693B3035CD5710E231E123A4B469963BF863CC", nvidia.key), ("D42D0685", rhel.key)):
        text = re.sub(rf"[0-9A-F]*{fingerprint}(?=\")", key.fingerprint, text)
    # one preset for each: rows of `folders` give others the same URL
    text = text.replace(
        f"{_HOST}/{{distribution}}/{{folder}}/", f"{nvidia.url}/compute/cuda/repos/{{distribution}}/{{folder}}/", 1
    )
    at = text.index('type = "yum"')
    text = text[:at] + text[at:].replace(
        f"{_HOST}/{{distribution}}/{{folder}}/", f"{rhel.url.removesuffix(YUM + '/')}{{distribution}}/{{folder}}/", 1
    )
    presets.write_text(text)
    keys = folder / "channel-config/upstreams/keys"
    (keys / "3bf863cc.pub").write_bytes(nvidia.key.armored)
    return folder / "mirror"


@pytest.fixture(scope="module")
def walked(
    nvidia_artifacts: Artifacts, rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, list[Done]]]:
    """A project that the commands made; the upstreams are gone by then."""
    base = tmp_path_factory.mktemp("walk")
    project = Project(base / "project", key="0" * 40, gnupg=base / "none")
    project.toml.unlink()
    with (
        Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("upstream")) as nvidia,
        Rhel(rhel_artifacts, tmp_path_factory.mktemp("yum")) as rhel,
    ):
        samples = write_rpm(samples_rpm(CudnnRelease("8.0.5.39", "11.1")), base)
        sign_rpms([samples], rhel.keys, rhel.key)
        rhel.repo.add(samples)
        rhel.repo.publish()
        path = copied(base, nvidia, rhel)
        project.env |= {"PYTHONPATH": str(path), "PIP_INDEX_URL": nvidia.simple_url}
        commands = [one.replace("KEY", str(rhel.key_file)).split() for one in WALK]
        yield project, [project.run(*one, check=False) for one in commands]


def test_four_commands_make_a_site(walked: tuple[Project, list[Done]]) -> None:
    project, (made, held, accepted, done) = walked
    assert made.rc == 0, made
    assert held.rc == 8, held
    assert "cudepot licence accept" in held.err + held.out
    assert accepted.rc == 0, accepted
    assert done.rc == 0, done
    assert {"apt", "yum", "conda", "simple"} <= {one.name for one in project.site.iterdir()}


@pytest.fixture
def site(walked: tuple[Project, list[Done]]) -> Iterator[http.Site]:
    with http.serve(walked[0].site) as one:
        yield one


def test_apt_installs_it(walked: tuple[Project, list[Done]], site: http.Site, tmp_path: Path) -> None:
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{site.url}/apt/{APT}/", walked[0].site / "keys/site.gpg")
    root.update()
    root.install("libcudnn8", "libcudnn8-dev")
    assert root.version("libcudnn8") == DEB


def test_dnf_installs_it(walked: tuple[Project, list[Done]], site: http.Site, tmp_path: Path) -> None:
    project, root = walked[0], DnfRoot(tmp_path / "dnf")
    root.provide("libc.so.6()(64bit)")
    keys = " ".join(one.as_uri() for one in (project.site / "keys/site.asc", project.base / "keys/D42D0685.pub"))
    root.add_repo("acme", f"{site.url}/yum/{YUM}/", project.site / "keys/site.asc", gpgkey=keys)
    root.install("libcudnn8-devel")
    assert root.installed()["libcudnn8"] == "8.0.5.39-1.cuda11.1"


def test_conda_installs_it_from_the_site_alone(site: http.Site, tmp_path: Path) -> None:
    found = conda_env.create([f"{site.url}/conda/main"], ["cudnn"], tmp_path / "env", cuda="11.1")
    assert (found["cudnn"].version, found["cudatoolkit"].version) == ("8.0.5.39", "11.1.0")
    assert load_cudnn(tmp_path / "env/lib", "libcudnn.so.8") == 8005


def test_pip_installs_it_from_the_site_alone(site: http.Site, tmp_path: Path) -> None:
    env = PythonEnv(tmp_path / "venv")
    env.pip_install(f"{site.url}/simple/", "nvidia-cudnn-cu11")
    assert load_cudnn(env.lib, "libcudnn.so.8") == 8005
