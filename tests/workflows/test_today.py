"""cuDNN as NVIDIA packs it today (9.14): from `init --repackage` to a loaded library, from apt and from yum."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import CudnnRelease, parts
from simulator.keys import KeyHome
from simulator.nvidia import Nvidia
from simulator.project import APT, Project
from simulator.rpms import cudnn_rpms, samples_rpm, sign_rpms, write_rpm
from simulator.yum import YumRepo
from tests.clients import conda_env
from tests.clients.apt import AptRoot
from tests.clients.python_env import load_cudnn

from cudepot.catalog.nvidia.first_pins import packages_for

RELEASE = CudnnRelease("9.14.0.64", "13")
OUTPUTS = ["mirror", "conda", "wheel"]


def apt(project: Project, nvidia: Nvidia, *packages: str) -> None:
    """Offer the debs of 9.14 and pin some of them."""
    nvidia.repo.add(*nvidia.artifacts.build(RELEASE).debs)
    nvidia.repo.publish()
    project.add_apt(nvidia, *packages, recipe="cudnn", outputs=OUTPUTS)
    project.accept_eula(parts(RELEASE).licence)


def loads(project: Project, place: Path) -> int:
    """Install the conda package beside a stand-in conda-forge and return what the library says it is."""
    forge = conda_env.standin_channel(place / "forge")
    conda_env.create([(project.site / "conda/main").as_uri(), forge], ["cudnn"], place / "env", cuda="13.0")
    assert (place / "env/include/cudnn.h").is_file()
    return load_cudnn(place / "env/lib", "libcudnn.so.9")


def test_what_init_pins_of_an_apt_repository_is_all_it_takes(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    apt(project, nvidia, *packages_for("ubuntu2404/x86_64", RELEASE.version, "13.0", repackage=True))
    project.publish()
    assert loads(project, tmp_path) == RELEASE.number
    findings = project.run("doctor", "--prefix", str(tmp_path / "env"), "--json", check=False).json["findings"]
    assert {one["name"] for one in findings} <= {"missing-nvrtc"}, "the stand-in conda-forge has an empty cuda-nvrtc"
    (wheel,) = project.site.rglob("nvidia_cudnn_cu13-*.whl")
    assert wheel.stat().st_size


def test_the_real_apt_installs_it_from_the_site_and_takes_an_older_one_away(
    project: Project, nvidia: Nvidia, tmp_path: Path
) -> None:
    old = CudnnRelease("9.8.0.87", "12")
    nvidia.repo.add(*nvidia.artifacts.build(old).debs)
    apt(project, nvidia, "libcudnn9-dev-cuda-13", "libcudnn9-static-cuda-13", "libcudnn9-cuda-13")
    project.add("pin", upstream=APT, packages=["libcudnn9-dev-cuda-12"])
    project.publish()
    root = AptRoot(tmp_path / "root")
    root.add_source((project.site / f"apt/{APT}").as_uri() + "/", project.site / "keys/site.gpg")
    root.update()
    root.install("libcudnn9-dev-cuda-12")
    assert root.alternative("libcudnn")
    root.remove("libcudnn9-dev-cuda-12", "libcudnn9-cuda-12")
    root.install("libcudnn9-dev-cuda-13")
    assert root.version("libcudnn9-headers-cuda-13") == "9.14.0.64-1"
    lib, include = (tmp_path / "root/usr" / one / "x86_64-linux-gnu" for one in ("lib", "include"))
    assert (lib / "libcudnn.so").readlink() == Path("libcudnn.so.9")
    assert (include / "cudnn.h").readlink() == Path("cudnn_v9.h")


def test_the_headers_come_along_with_the_development_package(project: Project, nvidia: Nvidia) -> None:
    apt(project, nvidia, f"libcudnn9-cuda-13={RELEASE.version}-1", f"libcudnn9-dev-cuda-13={RELEASE.version}-1")
    project.run("lock")
    project.run("sync")
    built = [one["filename"] for one in project.run("repackage", "--json").json["built"]]
    assert any(one.startswith("libcudnn-dev-9.14.0.64") for one in built)


def test_without_headers_lock_says_which_package_to_add_and_that_helps(project: Project, nvidia: Nvidia) -> None:
    apt(project, nvidia, f"libcudnn9-cuda-13={RELEASE.version}-1")
    failed = project.fail(6, "lock")
    wanted = f"libcudnn9-headers-cuda-13={RELEASE.version}-1"
    assert f'add "{wanted}"' in failed.hint
    project.sections[-1] = project.sections[-1].replace('packages = ["', f'packages = ["{wanted}", "')
    project.write()
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)


def test_one_upstream_that_lacks_a_part_does_not_stop_another(project: Project, nvidia: Nvidia) -> None:
    project.add_wheels(nvidia)
    apt(project, nvidia, f"libcudnn9-cuda-13={RELEASE.version}-1")
    project.fail(6, "lock")
    assert 'name = "wheels"' in project.lock.read_text()
    assert f'name = "{APT}"' not in project.lock.read_text()


@pytest.fixture
def rhel(tmp_path: Path) -> Iterator[tuple[YumRepo, Any]]:
    """A signed yum repository with the rpms of 9.14."""
    with KeyHome() as home:
        key, rpms = home.generate("cudatools <cudatools@example.com>"), tmp_path / "rpms"
        rpms.mkdir()
        made = [write_rpm(one, rpms) for one in (*cudnn_rpms(RELEASE), samples_rpm(RELEASE))]
        sign_rpms(made, home, key)
        repo = YumRepo(tmp_path / "rhel9", home, key)
        repo.add(*made)
        repo.publish()
        yield repo, key


def yum(project: Project, rhel: tuple[YumRepo, Any], *packages: str) -> None:
    """Pin rpms of 9.14."""
    repo, key = rhel
    project.add(
        "upstream", name="rhel9/x86_64", type="yum", url=f"{repo.folder.as_uri()}/", keys=[key.fingerprint],
        rpm_keys=[key.fingerprint], keyrings=[str(repo.folder / repo.pub_name)],
    )  # fmt: skip
    project.add("pin", upstream="rhel9/x86_64", packages=list(packages), recipe="cudnn", outputs=OUTPUTS)
    project.accept_eula(parts(RELEASE).licence)


def test_what_init_pins_of_a_yum_repository_is_all_it_takes(
    project: Project, rhel: tuple[YumRepo, Any], tmp_path: Path
) -> None:
    yum(project, rhel, *packages_for("rhel9/x86_64", RELEASE.version, "13.0", repackage=True))
    project.publish()
    assert loads(project, tmp_path) == RELEASE.number


def test_without_the_samples_of_rpms_repackage_names_them_and_that_helps(
    project: Project, rhel: tuple[YumRepo, Any]
) -> None:
    yum(project, rhel, *packages_for("rhel9/x86_64", RELEASE.version, "13.0"))
    project.run("lock")
    project.run("sync")
    failed = project.fail(6, "repackage")
    wanted = f"libcudnn9-samples-{RELEASE.version}-1"
    assert f'add "{wanted}"' in failed.hint
    project.sections[-1] = project.sections[-1].replace('packages = ["', f'packages = ["{wanted}", "')
    project.write()
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)


def test_the_dispatching_library_says_what_it_looked_for(tmp_path: Path) -> None:
    library = tmp_path / "libcudnn.so.9"
    library.write_bytes(parts(RELEASE).libraries["libcudnn.so.9.14.0"])
    code = f"import ctypes; ctypes.CDLL({str(library)!r}).cudnnGetVersion()"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Unable to load any of {libcudnn_graph.so.9.14.0, libcudnn_graph.so.9.14, libcudnn_graph.so.9" in done.stderr


def test_a_recipe_for_the_package_without_files_says_where_it_belongs_and_that_helps(
    project: Project, nvidia: Nvidia
) -> None:
    apt(project, nvidia, "cudnn9-cuda-13")
    failed = project.fail(6, "lock")
    assert "give cudnn9-cuda-13 a pin without recipe" in failed.hint
    assert "libcudnn9-cuda-13" in failed.hint
    project.sections.pop()
    project.add("pin", upstream=APT, packages=["cudnn9-cuda-13"])
    project.add("pin", upstream=APT, packages=["libcudnn9-cuda-13"], recipe="cudnn", outputs=OUTPUTS)
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
