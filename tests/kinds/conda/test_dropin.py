"""What is built here, held against the channel that it can take the place of: told at publish, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import CondaPackage
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.project import DOWNLOADS, Project
from tests.kinds.conda.world import NAME, Forge, forging

RELEASE = CudnnRelease("9.5.1.17", "12")
NEEDS = (
    "__glibc >=2.28,<3.0.a0",
    "cuda-nvrtc",
    "cuda-version >=12,<13.0a0",
    "libcublas",
    "libgcc >=13",
    "libstdcxx >=13",
    "libzlib >=1.3.1,<2.0a0",
)
THEIRS = CondaPackage("cudnn", "9.5.1.17", "h92b6c6a_0", depends=NEEDS, run_exports=("cudnn >=9.5.1.17,<10.0a0",))


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, (THEIRS, CondaPackage("cudnn", "9.4.0", "h1_0"))) as made:
        yield made


@pytest.fixture
def ours(project: Project, forge: Forge, tmp_path: Path) -> Project:
    (downloads := tmp_path / "downloads").mkdir()
    write_archive(RELEASE, downloads)
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(downloads))
    project.add("upstream", name=NAME, type="conda", url=forge.url)
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn-*"], recipe="cudnn", outputs=["conda"])
    project.accept_eula(licence(RELEASE))
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
    return project


def test_what_differs_is_told_without_asking_the_channel(ours: Project, forge: Forge) -> None:
    forge.channel.root.rename(forge.channel.root.parent / "gone")
    said = ours.run("publish").out
    assert (
        "conda/main: 1 packages compared with those of conda-forge for the same version and CUDA: 1 differences\n"
    ) in said
    assert "depends: without libzlib >=1.3.1,<2.0a0; with libzlib >=1.2.13,<2.0a0\n" in said
    (found,) = ours.run("publish", "--json").json["compared"]
    (pair,) = found["packages"]
    assert pair[1] == "cudnn-9.5.1.17-h92b6c6a_0.conda"
    assert [(one["field"], one["lacking"]) for one in found["differences"]] == [("depends", ["libzlib >=1.3.1,<2.0a0"])]
    assert not found["unknown"]
    assert ours.run("verify", "--json").json["compared"] == [found]
    assert "conda-forge: not compared with the packages built here" in ours.run("lock").out


def test_a_channel_that_stays_is_not_read_again(ours: Project, forge: Forge) -> None:
    before = (ours.store / "dropin.json").read_bytes()
    forge.server.forget()
    ours.run("lock")
    assert [one.status for one in forge.server.requests] == [304, 304]
    forge.channel.add(CondaPackage("cudnn", "9.5.1.17", "h92b6c6a_1", 1, NEEDS))
    forge.channel.publish()
    ours.run("lock")
    assert (ours.store / "dropin.json").read_bytes() != before
    (found,) = ours.run("publish", "--json").json["compared"]
    assert found["packages"][0][1] == "cudnn-9.5.1.17-h92b6c6a_1.conda"


def test_nothing_of_the_version_is_no_difference(ours: Project, forge: Forge) -> None:
    forge.channel.withdraw("linux-64", "cudnn-9.5.1.17-h92b6c6a_0.conda")
    forge.channel.publish()
    ours.run("lock")
    assert "conda/main: conda-forge has none of the versions built here" in ours.run("publish").out
