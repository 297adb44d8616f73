"""Static archives of cuDNN 7, 8 and 9, however CUDA is named: packed, and solved with the headers that are theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.nvidia import Artifacts
from simulator.project import DOWNLOADS, Project
from tests.clients import conda_env

ARCHIVES = (
    CudnnRelease("7.6.5.32", "10.2"),
    CudnnRelease("8.0.5.39", "10.2"),
    CudnnRelease("8.0.5.39", "11.1"),
    CudnnRelease("8.9.7.29", "12"),
    CudnnRelease("9.12.0.46", "12"),
)


@pytest.fixture(scope="module")
def made(site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    home, key = site_key_master
    base = tmp_path_factory.mktemp("static")
    (downloads := base / "downloads").mkdir()
    for release in ARCHIVES:
        write_archive(release, downloads)
    project = Project(base / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(downloads))
    project.add("pin", upstream=DOWNLOADS, packages=["*"], recipe="cudnn", outputs=["conda", "static"])
    project.accept_eula(*(licence(one) for one in ARCHIVES))
    project.publish()
    return project


@pytest.mark.parametrize("release", ARCHIVES, ids=str)
def test_static_archives_come_with_the_headers_of_their_own_build(
    made: Project, release: CudnnRelease, tmp_path: Path
) -> None:
    channels = [(made.site / "conda/main").as_uri(), conda_env.standin_channel(tmp_path / "forge").as_uri()]
    spec = f'libcudnn-static =={release.version}[build="cuda{release.cuda}_*"]'
    found = conda_env.create(channels, [spec], tmp_path / "env", cuda="12.9")
    headers = found["libcudnn-dev" if release.major >= 9 else "cudnn"]
    assert headers.version == release.version
    assert headers.build.startswith(f"cuda{release.cuda}_h")
    assert list((tmp_path / "env/lib").glob("libcudnn*_static*.a"))
    assert (tmp_path / "env/include/cudnn.h").exists()


def test_static_archives_out_of_debs(site_key_master: Any, nvidia_artifacts: Artifacts, tmp_path: Path) -> None:
    home, key = site_key_master
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    project = Project(tmp_path / "project", key=key.fingerprint, gnupg=home.path).init()
    for deb in nvidia_artifacts.build(ARCHIVES[2]).debs:
        (downloads / deb.name).write_bytes(deb.read_bytes())
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(downloads))
    project.add("pin", upstream=DOWNLOADS, packages=["*"], recipe="cudnn", outputs=["conda", "static"])
    project.accept_eula(licence(ARCHIVES[2]))
    project.publish()
    channels = [(project.site / "conda/main").as_uri(), conda_env.standin_channel(tmp_path / "forge").as_uri()]
    found = conda_env.solve(channels, ["libcudnn-static"], tmp_path / "cache")
    assert found["cudnn"].build.startswith("cuda11.1_h")
