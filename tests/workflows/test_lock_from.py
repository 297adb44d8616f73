"""``cudepot lock --from``: pins out of what a machine or environment has installed."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import SiteKey
from tests.project import APT, WHEELS, Project
from tests.upstream.nvidia import Nvidia
from tests.upstream.process import run
from tests.upstream.yum import Rhel

from cudepot.catalog.config_upstream import Upstream
from cudepot.catalog.environment import Installed, pins_of, read_environment
from cudepot.errors import PinError

DPKG = """\
Desired=Unknown/Install/Remove/Purge/Hold
||/ Name            Version                Architecture Description
+++-===============-======================-============-=================================
ii  libc6:amd64     2.31-0ubuntu9          amd64        GNU C Library
ii  libcudnn8       8.0.5.39-1+cuda11.1    amd64        cuDNN runtime libraries
hi  libcudnn8-dev   8.0.5.39-1+cuda11.1    amd64        cuDNN development libraries and headers
rc  libcudnn7       7.6.5.32-1+cuda10.2    amd64        cuDNN runtime libraries
"""
RPM = "glibc-2.28-151.el8.x86_64\nlibcudnn8-8.0.5.39-1.cuda11.1.x86_64\ncuda-drivers-455.45.01-1.x86_64\n"
PIP = "numpy==1.26.4\nnvidia-cudnn-cu11==8.0.5.39+acme.1\nnvidia_cublas_cu11==11.10.3.66 ; sys_platform == 'linux'\n"
CONDA = """\
name: dl
channels:
  - conda-forge
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - cuda-version=11.1=hdbd7af8_3
  - cudnn=8.0.5.39=h01f27c4_1
  - pip:
    - nvidia-cudnn-cu11==8.0.5.39
"""
WHERE = (
    Upstream("ubuntu2004/x86_64", "apt"),
    Upstream("rhel8/x86_64", "yum"),
    Upstream("pypi", "simple"),
)


def names(text: str) -> list[str]:
    return [f"{one.kind} {one.name} {one.version}" for one in read_environment(text)]


def test_each_listing_is_read() -> None:
    assert names(DPKG) == ["deb libcudnn8 8.0.5.39-1+cuda11.1", "deb libcudnn8-dev 8.0.5.39-1+cuda11.1"]
    assert names(RPM) == ["rpm libcudnn8 8.0.5.39-1.cuda11.1", "rpm cuda-drivers 455.45.01-1"]
    assert names(PIP) == ["wheel nvidia-cudnn-cu11 8.0.5.39+acme.1", "wheel nvidia-cublas-cu11 11.10.3.66"]
    assert names(CONDA) == ["conda cuda-version 11.1", "conda cudnn 8.0.5.39", "wheel nvidia-cudnn-cu11 8.0.5.39"]


def test_this_machine_and_this_interpreter_are_read() -> None:
    assert read_environment(run("dpkg", "-l").stdout) == []
    assert read_environment(run(sys.executable, "-m", "pip", "freeze").stdout) == []


def test_pins_name_packages_as_each_upstream_does() -> None:
    wanted = pins_of(read_environment(DPKG + RPM + PIP), WHERE)
    found = {pin.upstream: pin.packages for pin in wanted.pins}
    assert found == {
        "ubuntu2004/x86_64": ("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1"),
        "rhel8/x86_64": ("libcudnn8-8.0.5.39-1.cuda11.1", "cuda-drivers-455.45.01-1"),
        "pypi": ("nvidia-cudnn-cu11==8.0.5.39", "nvidia-cublas-cu11==11.10.3.66"),
    }


def test_a_conda_package_is_built_from_what_there_is() -> None:
    wheel, other = pins_of(read_environment(CONDA), WHERE).pins
    assert (wheel.packages, wheel.outputs, wheel.cuda) == (("nvidia-cudnn-cu11==8.0.5.39",), ("conda",), "11.1")
    assert other.outputs == ("mirror",)
    (deb,) = pins_of(read_environment(CONDA.split("  - pip", maxsplit=1)[0]), WHERE[:1]).pins
    assert deb.packages == ("libcudnn8=8.0.5.39-*", "libcudnn8-dev=8.0.5.39-*")
    nine = [Installed("conda", "cudnn", "9.1.1.17"), Installed("conda", "cuda-version", "12.4")]
    (deb,) = pins_of(nine, WHERE[:1]).pins
    assert deb.packages == ("libcudnn9-cuda-12=9.1.1.17-*", "libcudnn9-dev-cuda-12=9.1.1.17-*")


def test_what_no_pin_can_stand_for_is_said() -> None:
    left = pins_of(read_environment(DPKG + CONDA), WHERE[2:]).left
    assert {one.name for one, why in left if why == "no upstream of type apt or local-repo"} == {
        "libcudnn8", "libcudnn8-dev",
    }  # fmt: skip
    assert "comes from a channel of yours" in left[-1][1]


def test_several_upstreams_have_to_be_told_apart() -> None:
    two = (*WHERE, Upstream("ubuntu2204/x86_64", "apt"))
    with pytest.raises(PinError, match="may come from ubuntu2004/x86_64, ubuntu2204/x86_64"):
        pins_of(read_environment(DPKG), two)
    (pin,) = pins_of(read_environment(DPKG), two, ["ubuntu2204/x86_64"]).pins
    assert pin.upstream == "ubuntu2204/x86_64"


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert all(one.name and one.version for one in read_environment(text))


@pytest.fixture
def project(site_key: SiteKey, nvidia: Nvidia, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    keyrings = [str(nvidia.key_file)]
    made.add("upstream", name=APT, type="apt", url=nvidia.apt_url, keys=[nvidia.key.fingerprint], keyrings=keyrings)
    made.add("upstream", name=WHEELS, type="simple", url=nvidia.simple_url)
    return made


def test_the_lock_holds_what_was_installed(project: Project, tmp_path: Path) -> None:
    listing = tmp_path / "installed.txt"
    listing.write_text(DPKG)
    shown = project.run("lock", "--from", str(listing), "--dry-run")
    assert "libcudnn8=8.0.5.39-1+cuda11.1" in shown.out
    assert not project.lock.exists()
    done = project.run("lock", "--from", str(listing))
    assert "# from installed.txt" in done.err
    assert "+ libcudnn8 8.0.5.39-1+cuda11.1 amd64" in done.out
    again = project.run("lock", "--from", str(listing))
    assert "nothing to add" in again.err
    assert project.toml.read_text().count("# from installed.txt") == 1


@pytest.mark.parametrize(
    ("listing", "locked"),
    [
        ("nvidia-cudnn-cu11==8.0.5.39\nnumpy==1.26.4\n", ["wheel nvidia-cudnn-cu11 8.0.5.39 mirror"]),
        (CONDA, ["wheel nvidia-cudnn-cu11 8.0.5.39 conda"]),
        (
            "glibc-2.28-151.el8.x86_64\nlibcudnn8-8.0.5.39-1.cuda11.1.x86_64\n",
            ["rpm libcudnn8 8.0.5.39-1.cuda11.1 mirror"],
        ),
    ],
    ids=["pip freeze", "conda env export", "rpm -qa"],
)
def test_each_kind_of_listing_is_locked(
    project: Project, rhel: Rhel, tmp_path: Path, listing: str, locked: list[str]
) -> None:
    project.add(
        "upstream", name="rhel8/x86_64", type="yum", url=rhel.url, keys=[rhel.key.fingerprint],
        keyrings=[str(rhel.key_file)], rpm_keys=[rhel.key.fingerprint],
    )  # fmt: skip
    path = tmp_path / "installed.txt"
    path.write_text(listing)
    project.run("lock", "--from", str(path))
    artifacts = tomllib.loads(project.lock.read_text())["artifact"]
    found = [f"{one['kind']} {one['name']} {one['version']} {' '.join(one['outputs'])}" for one in artifacts]
    assert set(locked) <= set(found), found


def test_a_listing_without_nvidia_is_an_error(project: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("numpy==1.26.4\n")
    before = project.toml.read_bytes()
    assert "lists no NVIDIA package" in project.fail(6, "lock", "--from", str(tmp_path / "empty")).error
    assert "No such file" in project.fail(3, "lock", "--from", str(tmp_path / "none")).error
    assert project.toml.read_bytes() == before
