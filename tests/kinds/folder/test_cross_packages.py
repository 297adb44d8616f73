"""Cross packages out of a folder of downloads: one re-signed repository of ``Architecture: all`` that apt installs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from simulator.cross import cross_deb, cross_name, target_folder
from simulator.cudnn import CudnnRelease
from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import serve

CASES = [
    (CudnnRelease("7.6.5.32", "10.2", "aarch64"), "aarch64"),
    (CudnnRelease("8.9.3.28", "12.1", "aarch64"), "sbsa"),
    (CudnnRelease("9.5.1.17", "12", "aarch64"), "aarch64"),
    (CudnnRelease("8.9.3.28", "12.1", "aarch64"), "qnx"),
]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Cross packages as they come from NVIDIA; read only."""
    folder = tmp_path_factory.mktemp("cross")
    return [write_deb(cross_deb(release, target), folder) for release, target in CASES]


@pytest.fixture
def downloads(built: list[Path], tmp_path: Path) -> Path:
    """A folder of downloads with all of them."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for deb in built:
        shutil.copy(deb, folder)
    return folder


def want(project: Project, folder: Path, *globs: str) -> None:
    project.add("upstream", name="cross", type="folder", path=str(folder))
    project.add("pin", upstream="cross", packages=list(globs or ("*.deb",)))


def test_files_have_nvidias_names(built: list[Path]) -> None:
    assert [one.name for one in built] == [
        "libcudnn7-cross-aarch64_7.6.5.32-1+cuda10.2_all.deb",
        "libcudnn8-cross-sbsa_8.9.3.28-1+cuda12.1_all.deb",
        "libcudnn9-cross-aarch64-cuda-12_9.5.1.17-1_all.deb",
        "libcudnn8-cross-qnx_8.9.3.28-1+cuda12.1_all.deb",
    ]


def test_apt_get_installs_cross_packages_side_by_side(
    project: Project, downloads: Path, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project, downloads)
    for verb in ("lock", "sync", "publish", "verify"):
        project.run(verb)
    root = AptRoot(tmp_path / "root")
    with serve(project.site) as site:
        root.add_source(f"{site.url}/apt/cross/", site_key.keyring)
        root.update()
        root.install(*(cross_name(*case) for case in CASES))
    for release, target in CASES:
        assert root.status(cross_name(release, target)) == "install ok installed"
        folder = target_folder(release, target)
        assert root.file(f"{folder}/lib/libcudnn.so.{release.major}.{release.short.partition('.')[2]}").is_file()
        assert (root.path / f"{folder.lstrip('/')}/lib/libcudnn.so").resolve().is_file()
        assert root.file(f"{folder}/include/cudnn.h").is_file()


def test_a_second_download_with_other_bytes_is_refused_by_name(project: Project, downloads: Path) -> None:
    first = downloads / "libcudnn8-cross-sbsa_8.9.3.28-1+cuda12.1_all.deb"
    other = simple_deb("libcudnn8-cross-sbsa", "8.9.3.28-1+cuda12.1", "all")
    second = write_deb(other, project.base).rename(first.with_name("libcudnn8-cross-sbsa_again.deb"))
    want(project, downloads)
    error = project.fail(6, "lock").error
    assert first.name in error
    assert second.name in error
    assert not project.lock.exists()
    shutil.copy(first, second)
    project.run("lock")
    assert project.lock.read_text().count('name = "libcudnn8-cross-sbsa"') == 1, "the same bytes count once"


def test_a_repost_under_one_name_is_an_alarm_and_not_published(project: Project, downloads: Path) -> None:
    name = "libcudnn7-cross-aarch64_7.6.5.32-1+cuda10.2_all.deb"
    want(project, downloads, name)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    write_deb(simple_deb("libcudnn7-cross-aarch64", "7.6.5.32-1+cuda10.2", "all"), downloads)
    before = project.lock.read_bytes()
    assert "version changed in place" in project.fail(5, "lock").error
    assert project.lock.read_bytes() == before
    assert project.run("publish", "--json").json["fresh"] is False
