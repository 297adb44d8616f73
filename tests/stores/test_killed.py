"""Coordinators, workers and the scheduler are killed at any moment: nothing is lost, nothing wrong is shown."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.dask import Cluster
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import Project
from tests.clients.http import Site
from tests.stores.kills import Campaign
from tests.stores.machines import Machines

MANY = int(os.environ.get("CUDEPOT_KILLS", "400"))
SEED = int(os.environ.get("CUDEPOT_SEED", "58"))


@pytest.fixture
def campaign(
    few: Machines, workers: Cluster, nvidia: Nvidia, flat: FlatRepo, upstream: Site, tmp_path: Path
) -> Campaign:
    """Machines that mirror a repository that grows, and repackage with a build number that grows."""
    build = [1]

    def news(number: int) -> None:
        build[0] = number + 1
        flat.add(write_deb(simple_deb(f"more{number}", "1.0"), tmp_path))
        flat.publish()

    def setup(project: Project) -> Project:
        project.sections = [project.sections[0], f"[build]\nnumber = {build[0]}\n"]
        keys = {"keys": [flat.key.fingerprint], "keyrings": [str(keyring(flat, tmp_path))]}
        project.add("upstream", name="grows", type="apt", url=f"{upstream.url}/repo/", **keys)
        project.add("pin", upstream="grows", packages=["more*"])
        project.add_wheels(nvidia, recipe="cudnn", outputs=["conda", "wheel"])
        project.accept_eula(nvidia.built().parts.licence)
        return project

    return Campaign(few, workers, setup, news, random.Random(SEED), log=print)


def keyring(flat: FlatRepo, folder: Path) -> Path:
    path = folder / "grows.asc"
    path.write_bytes(flat.key.armored)
    return path


def test_a_few_kills(campaign: Campaign) -> None:
    campaign.run(2)
    assert campaign.shown


@pytest.mark.lengthy
def test_many_kills(campaign: Campaign) -> None:
    campaign.run(MANY)
    assert sum(campaign.kills.values()) >= MANY
