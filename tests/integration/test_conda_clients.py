"""The real conda and conda-lock on a site: alone, as behind an air gap, and beside a stand-in for conda-forge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients import conda_env, http
from tests.clients.conda_real import Conda
from tests.integration.showcase import showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("conda")]


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with http.serve(conda_env.standin_channel(tmp_path_factory.mktemp("forge") / "c")) as channel:
        yield channel.url


@pytest.fixture
def conda(real_conda: Conda, tmp_path: Path) -> Conda:
    return real_conda.of(tmp_path / "home")


def test_conda_installs_what_conda_lock_wrote(conda: Conda, url: str, forge: str, tmp_path: Path) -> None:
    """conda-lock knows packages by the MD5 of repodata: without one it writes what conda refuses."""
    environment = tmp_path / "environment.yml"
    environment.write_text(f'channels: ["{url}/conda/main", "{forge}"]\ndependencies: ["cudnn=8.0.5.39=cuda11.1_*"]\n')
    conda.lock(environment, "--kind", "explicit")
    locked = (tmp_path / "conda-linux-64.lock").read_text()
    conda.run("create", "-n", "locked", "--file", tmp_path / "conda-linux-64.lock")
    assert f"{url}/conda/main/linux-64/cudnn-8.0.5.39-cuda11.1_h" in locked
    assert conda.installed("locked")["cudnn"].startswith("8.0.5.39=cuda11.1_h")
