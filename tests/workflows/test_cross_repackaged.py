"""Cross packages of 7, 8 and 9 as DRIVE OS and NVIDIA's repositories have them, repackaged from a folder (G9)."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.cross import cross_deb, cross_meta, cross_name, split_cross_debs
from simulator.cudnn import CudnnRelease, licence, parts
from simulator.debs import Deb, write_deb
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients import conda_env
from tests.clients.apt import AptRoot
from tests.clients.http import serve

SEVEN = CudnnRelease("7.6.5.32", "10.2", "aarch64")
EIGHT = CudnnRelease("8.0.5.39", "10.2", "aarch64")
NINE = CudnnRelease("9.12.0.46", "13", "aarch64")
SPLIT = [(SEVEN, "aarch64"), (SEVEN, "qnx"), (EIGHT, "aarch64"), (EIGHT, "qnx")]


def put(downloads: Path, *debs: Deb) -> list[str]:
    downloads.mkdir(exist_ok=True)
    return [write_deb(one, downloads).name for one in debs]


def want(project: Project, *globs: str, **pin: object) -> None:
    project.add("upstream", name="drive", type="folder", path="downloads")
    project.add("pin", upstream="drive", packages=list(globs), recipe="cudnn", **pin)
    project.accept_eula(*map(licence, (SEVEN, EIGHT, NINE)))


@pytest.mark.parametrize(("release", "target"), SPLIT, ids=lambda one: getattr(one, "version", one))
def test_runtime_and_development_become_one_conda_package(
    project: Project, release: CudnnRelease, target: str, tmp_path: Path
) -> None:
    put(project.base / "downloads", *split_cross_debs(release, target))
    want(project, "libcudnn*.deb")
    project.publish()
    platform, folder = {"aarch64": ("linux-aarch64", "aarch64-linux"), "qnx": ("qnx", "aarch64-qnx")}[target]
    conda_env.create(
        [(project.site / "conda/main").as_uri(), conda_env.standin_channel(tmp_path / "forge", "linux-64").as_uri()],
        [f"cudnn-cross-{platform}={release.version}"],
        tmp_path / "env",
        platform="linux-64",
        cuda="12.9",
    )
    there = tmp_path / f"env/targets/{folder}"
    assert (there / "include/cudnn.h").read_bytes() == parts(release).headers["cudnn"]
    assert (there / "lib/libcudnn.so").resolve().name == f"libcudnn.so.{release.short}"
    assert not list(there.rglob("*.a"))


def test_both_are_published_for_apt_and_repackaged(project: Project, site_key: SiteKey, tmp_path: Path) -> None:
    put(project.base / "downloads", *split_cross_debs(SEVEN, "aarch64"))
    want(project, "libcudnn7-*.deb", outputs=["mirror", "conda"])
    project.publish()
    root = AptRoot(tmp_path / "root")
    with serve(project.site) as site:
        root.add_source(f"{site.url}/apt/drive/", site_key.keyring)
        root.update()
        root.install("libcudnn7-dev-cross-aarch64")
    assert root.status(cross_name(SEVEN, "aarch64")) == "install ok installed"
    assert list((project.site / "conda/main/linux-64").glob("cudnn-cross-linux-aarch64-7.6.5.32-cuda10.2_*.conda"))


@pytest.mark.parametrize(
    ("alone", "lacks", "role"),
    [(0, "libcudnn7-dev-cross-aarch64", "header"), (1, "libcudnn7-cross-aarch64", "librar")],
    ids=["runtime alone", "development alone"],
)
def test_one_alone_says_which_package_is_missing(project: Project, alone: int, lacks: str, role: str) -> None:
    debs = split_cross_debs(SEVEN, "aarch64")
    (name,) = put(project.base / "downloads", debs[alone])
    want(project, name)
    for verb in ("lock", "sync"):
        project.run(verb)
    failed = project.fail(6, "repackage")
    assert role in failed.error
    assert f'"{lacks}_7.6.5.32-1+cuda10.2_all.deb"' in failed.hint
    (other,) = put(project.base / "downloads", debs[1 - alone])
    want_also(project, other)
    for verb in ("lock", "sync", "repackage", "publish"):
        project.run(verb)


def want_also(project: Project, name: str) -> None:
    """Follow the hint: the pin names the other package too."""
    project.sections[-1] = project.sections[-1].replace("packages = [", f'packages = ["{name}", ')
    project.write()


def test_packages_without_files_may_lie_beside(project: Project) -> None:
    """A glob takes cudnn9-cross-aarch64 as well; there is nothing in it to repackage."""
    deb = cross_deb(NINE, "aarch64")
    deb.files[f"/usr/share/doc/{cross_name(NINE, 'aarch64')}/copyright"] = licence(NINE)
    put(project.base / "downloads", deb, cross_meta(NINE, "aarch64"))
    want(project, "*.deb", outputs=["mirror", "conda"])
    project.publish()
    assert list((project.site / "conda/main/linux-64").glob("cudnn-cross-linux-aarch64-9.12.0.46-cuda13_*.conda"))
    assert {one.name for one in (project.site / "apt/drive").glob("*.deb")} == {
        "cudnn9-cross-aarch64_9.12.0-1_all.deb",
        "libcudnn9-cross-aarch64-cuda-13_9.12.0.46-1_all.deb",
    }


def test_a_package_without_files_alone_is_refused(project: Project) -> None:
    put(project.base / "downloads", cross_meta(NINE, "aarch64"))
    want(project, "*.deb")
    failed = project.fail(6, "lock")
    assert "cudnn9-cross-aarch64_9.12.0-1_all.deb: the name does not say which release" in failed.error
    assert "such as libcudnn9-cross-aarch64-cuda-13" in failed.hint
