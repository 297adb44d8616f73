"""conda itself on machines of several sorts that share an environment: each installs what is exported for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.project import Project
from simulator.server import Server
from tests.clients.conda_real import Conda
from tests.kinds.conda.test_profiles import BOTH, forge, want  # noqa: F401 - a fixture among them
from tests.kinds.conda.world import Forge

pytestmark = [pytest.mark.lengthy, pytest.mark.slow, pytest.mark.xdist_group("conda")]
TARGETS = {"linux-64-cuda12.9": ("12.9", "9.10=h12_0"), "linux-64": ("", "9.10=h13_0")}


@pytest.fixture
def site(project: Project, forge: Forge) -> Iterator[str]:  # noqa: F811
    want(project, forge, "cudnn", profiles=BOTH)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    with Server(project.site) as server:
        project.run("export", "--environment", "dl", "--url", server.url, "--output", "out")
        yield server.url


def test_each_takes_the_files_of_its_target(project: Project, site: str, real_conda: Conda, tmp_path: Path) -> None:
    project.run("client", "conda", "--environment", "dl", "--url", site, "--output", "clients")
    conda = real_conda.of(tmp_path / "home")
    conda.condarc((project.base / "clients/etc/conda/.condarc").read_text())
    for number, (target, (cuda, build)) in enumerate(TARGETS.items()):
        file = project.base / f"out/dl-{target}.yml"
        conda.run("env", "create", "-n", f"e{number}", "-f", file, cuda=cuda)
        conda.run("create", "-n", f"old{number}", "--file", file.with_name(f"dl-{target}-md5.txt"), cuda=cuda)
        assert conda.installed(f"old{number}") == conda.installed(f"e{number}")
        found = conda.installed(f"e{number}")
        assert found.keys() == {"cudnn", "cuda-version"}
        assert found["cudnn"] == build
        assert f"{site}/environments/dl/conda" in conda.run("list", "-n", f"e{number}", "--explicit").stdout


def test_its_classic_solver_does_not_see_what_a_driver_can_do(site: str, real_conda: Conda, tmp_path: Path) -> None:
    """So the docs say to hand out files; should a later conda mind constraints on `__cuda`, they may say less."""
    conda = real_conda.of(tmp_path / "home")
    channel = f"{site}/environments/dl/conda"
    conda.run("create", "-n", "dl", "--override-channels", "-c", channel, "cudnn", cuda="12.9")
    assert conda.installed("dl")["cudnn"] == "9.10=h13_0"
