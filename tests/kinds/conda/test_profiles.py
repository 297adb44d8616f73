"""Sorts of machines: with and without a driver, old and new processors, macOS; and channels in either priority."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.conda_channel import CondaChannel, CondaPackage
from simulator.project import Project
from simulator.server import Server
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging

from cudepot.catalog.config.environments import Environment
from cudepot.kinds.conda.rules.machines import described, targets_of, virtual_packages

PACKAGES = (
    CondaPackage("cuda-version", "12.9", "h0_0", constrains=("__cuda >=12",), subdir="noarch"),
    CondaPackage("cuda-version", "13.0", "h0_0", constrains=("__cuda >=13",), subdir="noarch"),
    CondaPackage("cudnn", "9.10", "h12_0", depends=("cuda-version >=12.9,<13",)),
    CondaPackage("cudnn", "9.10", "h13_0", depends=("cuda-version >=13,<14",)),
    CondaPackage("old", "1.0", "h0_0"),
    CondaPackage("old", "2.0", "h0_0", depends=("__glibc >=2.28",)),
    CondaPackage("blas", "1.0", "v1_0"),
    CondaPackage("blas", "1.0", "v3_1", 1, ("__archspec 1.* x86_64_v3",)),
    CondaPackage("metal", "1.0", "h0_0", depends=("__osx >=11.0", "__unix"), subdir="osx-arm64"),
    CondaPackage("metal", "2.0", "h0_0", depends=("__osx >=15.0",), subdir="osx-arm64"),
    CondaPackage("metal", "1.0", "h0_0", depends=("__osx >=10.13",), subdir="osx-64"),
)
BOTH = [{"cuda": "12.9", "glibc": "2.28"}, {"glibc": "2.28"}]


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, PACKAGES) as made:
        yield made


def want(project: Project, forge: Forge, *specs: str, **more: object) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url=forge.url)
    project.add("environment", **{"name": "dl", "conda": list(specs), **more})


def members(project: Project) -> dict[str, list[str]]:
    (found,) = tomllib.loads(project.lock.read_text())["environment"]
    return {one["name"]: sorted(each.rpartition("/")[2] for each in one["members"]) for one in found["target"]}


def test_machines_with_and_without_a_driver_share_a_channel(project: Project, forge: Forge, tmp_path: Path) -> None:
    """Each gets from it, by rattler and as it sees itself, what is locked for it; the result says for which machine."""
    want(project, forge, "cudnn", profiles=BOTH)
    said = project.run("lock").out
    assert "linux-64-cuda12.9 (platform linux-64, glibc 2.28, cuda 12.9): 2 projects" in said
    assert "linux-64 (platform linux-64, glibc 2.28): 2 projects" in said
    for verb in ("sync", "publish"):
        project.run(verb)
    assert members(project) == {
        "linux-64-cuda12.9": ["cuda-version-12.9-h0_0.conda", "cudnn-9.10-h12_0.conda"],
        "linux-64": ["cuda-version-13.0-h0_0.conda", "cudnn-9.10-h13_0.conda"],
    }
    with Server(project.site) as site:
        for number, (cuda, build) in enumerate((("12.9", "h12_0"), ("", "h13_0"))):
            url = f"{site.url}/environments/dl/conda"
            found = conda_env.create([url], ["cudnn"], tmp_path / str(number), cuda=cuda)
            assert found["cudnn"].build == build
    project.run("export", "--environment", "dl", "--url", "https://packages.example", "--output", "out")
    head = (project.base / "out/dl-linux-64-cuda12.9.txt").read_text().partition("@EXPLICIT")[0]
    assert "# machines: __archspec=1=x86_64 __unix __linux=5.10 __glibc=2.28 __cuda=12.9\n" in head
    assert "all good" in project.run("verify").out


def test_an_old_glibc_and_a_new_processor(project: Project, forge: Forge) -> None:
    profiles = [{"glibc": "2.17"}, {"glibc": "2.28", "archspec": "x86_64_v3"}]
    want(project, forge, "old", "blas", profiles=profiles)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert members(project) == {
        "linux-64-glibc2.17": ["blas-1.0-v1_0.conda", "old-1.0-h0_0.conda"],
        "linux-64-glibc2.28-archspecx86_64_v3": ["blas-1.0-v3_1.conda", "old-2.0-h0_0.conda"],
    }


def test_macs_have_a_version_and_no_glibc(project: Project, forge: Forge) -> None:
    want(project, forge, "metal", platforms=["osx-64", "osx-arm64"], cuda="12.9", profiles=[{}, {"osx": "15.1"}])
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert members(project) == {
        "osx-64": ["metal-1.0-h0_0.conda"],
        "osx-64-osx15.1": ["metal-1.0-h0_0.conda"],
        "osx-arm64": ["metal-1.0-h0_0.conda"],
        "osx-arm64-osx15.1": ["metal-2.0-h0_0.conda"],
    }


def test_targets_that_are_alike_are_one() -> None:
    both = Environment("dl", ("linux-64", "osx-arm64", "win-64"))
    profiles = [{"cuda": "13.0"}, {}, {"cuda": "13.0", "cuda-arch": "9.0"}]
    names = [one.name for one in targets_of(both, profiles)]
    assert names == [
        "linux-64-cuda13.0", "linux-64", "linux-64-cuda13.0-cuda-arch9.0", "osx-arm64", "win-64-cuda13.0", "win-64",
        "win-64-cuda13.0-cuda-arch9.0",
    ]  # fmt: skip
    seen = {one.name: virtual_packages(one) for one in targets_of(both, profiles)}
    assert seen["osx-arm64"] == {"__archspec": ("1", "m1"), "__unix": ("0", "0"), "__osx": ("11.0", "0")}
    assert seen["linux-64-cuda13.0-cuda-arch9.0"]["__cuda_arch"] == ("9.0", "0")
    assert described(next(targets_of(both))) == "__archspec=1=x86_64 __unix __linux=5.10 __glibc=2.28"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"profiles": [{"gpu": "1"}]}, "unknown key 'environment[0].profiles[0].gpu'"),
        ({"profiles": [{"cuda": "new"}]}, "expected a value like '2.28' in 'environment[0].profiles[0].cuda'"),
        ({"channel-priority": "disabled"}, "disabled"),
        ({"conda": [], "profiles": BOTH}, "'environment[0].profiles' without conda packages"),
    ],
)
def test_what_is_no_profile(project: Project, forge: Forge, more: dict[str, Any], error: str) -> None:
    want(project, forge, **{"conda": ["blas"], **more})
    assert error in project.fail(3, "lock").error


@pytest.fixture
def vendor(forge: Forge) -> CondaChannel:
    """A channel that comes first, with an older libzlib."""
    channel = CondaChannel(forge.server.root / "vendor")
    for one in (
        CondaPackage("libzlib", "1.2.0", "vendor_0"),
        CondaPackage("app", depends=("libzlib >=1.3", "tzdata")),
        CondaPackage("tzdata", "2020.1", "vendor_0", subdir="noarch"),
    ):
        channel.add(one)
    channel.publish()
    return channel


@pytest.mark.usefixtures("vendor")
def test_a_flexible_priority_takes_from_a_later_channel_only_what_it_must(project: Project, forge: Forge) -> None:
    want(project, forge, "app", channels=["vendor", NAME])
    project.add("upstream", name="vendor", type="conda", url=f"{forge.server.url}/vendor")
    assert "libzlib" in project.fail(6, "lock").error
    project.sections.clear()
    want(project, forge, "app", channels=["vendor", NAME], **{"channel-priority": "flexible"})
    project.add("upstream", name="vendor", type="conda", url=f"{forge.server.url}/vendor")
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert members(project)["linux-64"] == [
        "app-1.0-h0_0.conda",
        "libzlib-1.3.1-h1_2.conda",
        "tzdata-2020.1-vendor_0.conda",
    ]
    forge.channel.add(CondaPackage("libzlib", "1.3.2", "h0_0"))
    forge.channel.publish()
    before = members(project)
    project.run("lock")
    assert members(project) == before
    project.run("lock", "--upgrade")
    assert "libzlib-1.3.2-h0_0.conda" in members(project)["linux-64"]
