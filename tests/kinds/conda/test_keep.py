"""``keep`` of an environment: older versions of what is asked for, as far as they still solve."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import CondaPackage
from simulator.project import Project
from simulator.server import Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging

PACKAGES = (
    CondaPackage("cuda-version", "12.9", "h0_0", subdir="noarch"),
    CondaPackage("cuda-version", "11.8", "h0_0", subdir="noarch"),
    CondaPackage("cudnn", "9.10", "h0_0", depends=("cuda-version 12.*", "libzlib >=1.3")),
    CondaPackage("cudnn", "9.9", "h0_0", depends=("cuda-version 12.*", "nowhere")),
    CondaPackage("cudnn", "9.8", "h0_0", depends=("cuda-version 12.*",)),
    CondaPackage("cudnn", "8.9", "h0_0", depends=("cuda-version 11.*", "libzlib <1.3")),
    CondaPackage("torch", "2.9", "h0_0", depends=("cudnn",)),
    CondaPackage("torch", "2.8", "h0_0", depends=("cudnn <9",)),
)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, PACKAGES) as made:
        yield made


def want(project: Project, forge: Forge, **more: object) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url=forge.url)
    project.add("environment", name="dl", conda=["torch", "cudnn"], **more)


def targets(project: Project) -> dict[str, list[str]]:
    (found,) = tomllib.loads(project.lock.read_text())["environment"]
    return {
        one["name"]: sorted(each.rpartition("/")[2].rsplit("-", 1)[0] for each in one["members"])
        for one in found["target"]
    }


NEWEST = ["cuda-version-12.9", "cudnn-9.10", "libzlib-1.3.1", "torch-2.9"]
KEPT = {
    "linux-64": NEWEST,
    "linux-64-cudnn9.8": ["cuda-version-12.9", "cudnn-9.8", "torch-2.9"],
    "linux-64-cudnn8.9": ["cuda-version-11.8", "cudnn-8.9", "libzlib-1.2.13", "torch-2.9"],
    "linux-64-torch2.8": ["cuda-version-11.8", "cudnn-8.9", "libzlib-1.2.13", "torch-2.8"],
}
"""What three versions of each come to: 9.9 needs what nobody has, of torch there are two."""


def test_older_versions_that_still_solve_are_there_and_install(project: Project, forge: Forge, tmp_path: Path) -> None:
    want(project, forge, keep=3)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert targets(project) == KEPT
    with Server(project.site) as site:
        for number, (specs, found) in enumerate(
            {("torch", "cudnn"): "9.10", ("torch", "cudnn 9.8"): "9.8", ("torch 2.8",): "8.9"}.items()
        ):
            made = conda_env.create([f"{site.url}/environments/dl/conda"], specs, tmp_path / str(number))
            assert made["cudnn"].version == found
    project.run("export", "--environment", "dl", "--url", "https://x.example", "--output", str(tmp_path / "pins"))
    assert {one.stem for one in (tmp_path / "pins").glob("*.yml")} == {f"dl-{name}" for name in KEPT}


def test_they_stay_until_an_upgrade(project: Project, forge: Forge) -> None:
    want(project, forge, keep=2)
    project.run("lock")
    before = targets(project)
    assert before == {name: found for name, found in KEPT.items() if name != "linux-64-cudnn8.9"}
    forge.channel.add(CondaPackage("cudnn", "9.11", depends=("cuda-version 12.*", "libzlib >=1.3")))
    forge.channel.publish()
    project.run("lock")
    assert targets(project) == before
    project.run("lock", "--upgrade")
    assert [name for name in targets(project) if "cudnn" in name] == ["linux-64-cudnn9.10"]
    want(project, forge)
    project.run("lock")
    assert list(targets(project)) == ["linux-64"]


def test_a_far_side_proves_them_once_more(project: Project, forge: Forge, tmp_path: Path, site_key: SiteKey) -> None:
    want(project, forge, keep=2)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    project.run("bundle", "export", str(tmp_path / "one.tar"), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file).init()
    far.take(tmp_path / "one.tar")
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []
    with Server(far.base / "site/current") as site:
        found = conda_env.create([f"{site.url}/environments/dl/conda"], ["torch 2.8"], tmp_path / "env")
    assert found["cudnn"].version == "8.9"


@pytest.mark.parametrize(
    ("more", "said"), [({"conda": ["torch"], "keep": 0}, "from 1 to 20"), ({"keep": 2}, "without conda packages")]
)
def test_what_cannot_be_kept(project: Project, more: dict[str, object], said: str) -> None:
    project.sections.clear()
    project.add("environment", name="dl", **more)
    assert said in project.fail(3, "lock").error
