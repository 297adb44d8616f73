"""Pins spelt as another package manager spells them: the hint has the right spelling, and lock takes it."""

from __future__ import annotations

import re

import pytest
from simulator.nvidia import Nvidia
from simulator.project import APT, DOWNLOADS, WHEELS, Project
from simulator.yum import Rhel
from tests.kinds.yum.world import NAME, add_yum

from cudepot.catalog.config.config import Pin
from cudepot.errors import ConfigError, PinError
from cudepot.formats.primary import Rpm
from cudepot.kinds.redistrib.rules.manifests import wanted
from cudepot.kinds.yum.rules.pins import Rpms, rpm_pins

DEB, RPM = "8.0.5.39-1+cuda11.1", "8.0.5.39-1.cuda11.1"
RUN = (
    f"libcudnn8={DEB}", f"libcudnn8={RPM}", f"libcudnn8-{RPM}", f"libcudnn8-{DEB}", f"libcudnn8-{RPM}.x86_64",
    f"libcudnn8-{RPM}.x86_64.rpm", f"libcudnn8_{DEB}_amd64.deb", "cudnn=8.0.5.39=cuda11.1_*", "cudnn 8.0.5 cuda11.1*",
    "nvidia-cudnn-cu11==8.0.5.39", "nvidia-cudnn-cu11=8.0.5.39",
)  # fmt: skip
SOME = (RUN[1], "cudnn 8.0.5 cuda11.1*", "nvidia-cudnn-cu11=8.0.5.39")
DEV = (f"libcudnn8-dev={DEB}", f"libcudnn8-devel={RPM}", f"libcudnn8-devel-{RPM}", f"libcudnn8-dev-{DEB}")


def right(project: Project, spelt: str, expected: str) -> None:
    """The hint of ``lock`` is to write it as expected; then it locks."""
    failed = project.fail(project.run("lock", check=False).rc, "lock")
    assert re.search(rf"write {re.escape(expected)}($|;)", failed.hint), failed
    project.sections[-1] = project.sections[-1].replace(spelt, expected)
    project.write()
    project.run("lock")


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        *((one, f"libcudnn8={DEB}") for one in (*SOME, f"libcudnn8-{RPM}.x86_64.rpm")),
        (DEV[2], f"libcudnn8-dev={DEB}"),
    ],
)
def test_for_apt(project: Project, nvidia: Nvidia, spelt: str, expected: str) -> None:
    project.add_apt(nvidia, spelt)
    right(project, spelt, expected)


def rpm(name: str, evr: str) -> Rpm:
    return Rpm(name, evr, "x86_64", "", "", ("", ""), 0, 0, (), (), (), (), ())


OFFER = Rpms(
    rpm(name, f"8.0.5.39-1.cuda{cuda}") for name in ("libcudnn8", "libcudnn8-devel") for cuda in ("10.2", "11.1")
)


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        *((one, f"libcudnn8-{RPM}") for one in RUN if not one.startswith(f"libcudnn8-{RPM}") or one.endswith(".rpm")),
        *((one, f"libcudnn8-devel-{RPM}") for one in DEV if one != f"libcudnn8-devel-{RPM}"),
    ],
)
def test_for_dnf(spelt: str, expected: str) -> None:
    with pytest.raises(PinError) as failed:
        rpm_pins(Pin("u", (spelt,)), ("x86_64",), OFFER)
    assert (failed.value.hint or "").removesuffix(".x86_64") == f"write {expected}"
    assert rpm_pins(Pin("u", (expected,)), ("x86_64",), OFFER)


def test_the_guides_yum_pin_locks_as_the_hint_says(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, f"libcudnn8={RPM}")
    right(project, f"libcudnn8={RPM}", f"libcudnn8-{RPM}")
    assert f'upstream = "{NAME}"' in project.lock.read_text()


@pytest.mark.parametrize("spelt", SOME)
def test_for_pip(project: Project, nvidia: Nvidia, spelt: str) -> None:
    project.add_wheels(nvidia, spelt)
    right(
        project,
        spelt,
        "nvidia-cudnn-cu11==8.0.5.*" if spelt == "cudnn 8.0.5 cuda11.1*" else "nvidia-cudnn-cu11==8.0.5.39",
    )


@pytest.mark.parametrize("spelt", SOME)
def test_for_a_folder(project: Project, nvidia: Nvidia, spelt: str) -> None:
    project.add_downloads(nvidia, spelt)
    right(project, spelt, "cudnn-11.1-linux-x64-v8.0.5.39.tgz")
    assert f'upstream = "{DOWNLOADS}"' in project.lock.read_text()


@pytest.mark.parametrize("spelt", [one for one in RUN if "8.0.5.39" in one])
def test_for_redistrib(spelt: str) -> None:
    with pytest.raises(ConfigError) as failed:
        wanted(spelt)
    assert (failed.value.hint or "").startswith('write "cudnn=8.0.5.39", and cuda = "11')
    assert wanted("cudnn=8.0.5.39") == ("cudnn", "8.0.5.39")


def test_without_a_cuda_all_that_fit_are_proposed(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia, "cudnn==8.0.5.39")
    assert "write libcudnn8=8.0.5.39-1+cuda10.2 or libcudnn8=8.0.5.39-1+cuda11.1" in project.fail(6, "lock").hint
    project.add("upstream", name=WHEELS, type="simple", url=nvidia.simple_url)
    assert APT in project.toml.read_text()
