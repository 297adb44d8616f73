"""What a closed channel needs beside cuDNN, in each form NVIDIA ships it, for the CUDA it belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.cuda_debs import LICENCE, Component, library, write_component_debs, write_component_rpms
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.nvidia import Nvidia
from simulator.project import APT, DOWNLOADS, Project
from simulator.wheels import write_companion, write_cublas_wheel
from tests.clients import conda_env

CUBLAS, NVRTC = Component("libcublas", "13.1.0.3", "13.0"), Component("cuda-nvrtc", "13.0.88", "13.0")
CUDNN = CudnnRelease("9.12.0.46", "13")


def write_wheel_of(one: Component, folder: Path) -> Path:
    """The same libraries as a wheel."""
    major = one.cuda.partition(".")[0]
    name = {"libcublas": "nvidia-cublas", "cuda-nvrtc": "nvidia-cuda-nvrtc"}[one.stem]
    name += f"-cu{major}" if int(major) < 13 else ""
    place = f"nvidia/{one.stem.removeprefix('lib').replace('-', '_')}/lib"
    files = {f"{place}/{soname}": library(one, soname) for soname in one.sonames().values()}
    return write_companion(folder, name, one.version, files)


def closed(project: Project, folder: Path, cudnn: CudnnRelease, *pins: tuple[str, str]) -> None:
    """Make the project one with a closed channel of what lies in ``folder``."""
    write_archive(cudnn, folder)
    project.sections.append("[build]\nclosed-channel = true\n")
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    for glob, recipe in (("cudnn-*", "cudnn"), *pins):
        project.add("pin", upstream=DOWNLOADS, packages=[glob], recipe=recipe, outputs=["conda"])
    project.accept_eula(licence(cudnn), LICENCE, b"stand-in CUBLAS licence\n", b"stand-in NVRTC licence\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "downloads"
    place.mkdir()
    return place


WRITERS = {"wheel": write_wheel_of, "deb": write_component_debs, "rpm": write_component_rpms}


@pytest.mark.parametrize("form", WRITERS)
def test_cuda_13_0_2_in_every_form_can_be_installed_from_the_channel_alone(
    project: Project, folder: Path, form: str, tmp_path: Path
) -> None:
    for one in (CUBLAS, NVRTC):
        WRITERS[form](one, folder)
    closed(project, folder, CUDNN, ("*cublas*", "libcublas"), ("*nvrtc*", "cuda-nvrtc"))
    project.publish()
    channel = (project.site / "conda/main").as_uri()
    found = conda_env.create([channel], ["cudnn"], tmp_path / "env", cuda="13.0")
    versions = {name: one.version for name, one in found.items() if "cudnn" not in name}
    assert versions == {"libcublas": "13.1.0.3", "cuda-nvrtc": "13.0.88", "cuda-version": "13.0"}
    for component in (CUBLAS, NVRTC):
        for soname in component.sonames().values():
            installed = tmp_path / "env" / "lib" / soname
            assert installed.read_bytes() == library(component, soname)
    names = {one.name for one in (tmp_path / "env" / "lib").iterdir()}
    assert not any("13.1.0.3" in one or one.endswith("blas.so") for one in names), "names are those of the wheel"


def test_cublas_of_cuda_11_is_a_cudatoolkit_and_nvrtc_comes_with_cudnn_8_9_6(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    for one in (Component("libcublas", "11.11.3.6", "11.8"), Component("cuda-nvrtc", "11.8.89", "11.8")):
        write_component_debs(one, folder)
    closed(project, folder, CudnnRelease("8.9.6.50", "11"), ("libcublas*", "cudatoolkit"))
    project.run("lock")
    project.run("sync")
    failed = project.fail(3, "repackage")
    assert "cuda-nvrtc" in failed.error, "NVIDIA's own wheel of 8.9.6 for CUDA 11 needs it"
    assert "nvidia-cuda-nvrtc-cu11" in failed.hint
    project.add("pin", upstream=DOWNLOADS, packages=["cuda-nvrtc-11*"], recipe="cuda-nvrtc", outputs=["conda"])
    project.publish()
    channel = (project.site / "conda/main").as_uri()
    found = conda_env.create([channel], ["cudnn"], tmp_path / "env", cuda="11.8")
    assert {name: one.version for name, one in found.items()} == {
        "cudnn": "8.9.6.50", "cudatoolkit": "11.8.0", "cuda-nvrtc": "11.8.89", "cuda-version": "11.8",
    }  # fmt: skip
    for path in (project.site / "conda/main/linux-64").glob("*.conda"):
        project.run("verify", str(path))


def test_a_cublas_nobody_knows_says_how_to_tell_its_cuda(project: Project, folder: Path) -> None:
    write_cublas_wheel("13", "13.77.0.1", folder)
    closed(project, folder, CUDNN, ("nvidia_cublas*", "libcublas"))
    failed = project.fail(6, "lock")
    assert "cublas 13.77.0.1" in failed.error
    assert 'cuda = "13.N"' in failed.hint
    project.sections[-1] += 'cuda = "13.9"\n'
    project.write()
    project.run("lock")
    assert 'cuda = "13.9"' in project.lock.read_text()


def test_another_recipe_is_named_where_the_one_given_is_wrong(project: Project, folder: Path) -> None:
    write_component_debs(Component("libcublas", "11.11.3.6", "11.8"), folder)
    closed(project, folder, CUDNN, ("libcublas-11-8*", "libcublas"))
    failed = project.fail(6, "lock")
    assert 'recipe = "cudatoolkit"' in failed.hint
    project.sections[-1] = project.sections[-1].replace('recipe = "libcublas"', 'recipe = "cudatoolkit"')
    project.write()
    project.run("lock")


def test_an_apt_site_can_close_its_channel_with_nvidias_own_debs(
    project: Project, nvidia: Nvidia, folder: Path, tmp_path: Path
) -> None:
    release = CudnnRelease("9.14.0.64", "13")
    debs = [path for one in (CUBLAS, NVRTC) for path in write_component_debs(one, folder)]
    nvidia.repo.add(*nvidia.artifacts.build(release).debs, *debs)
    nvidia.repo.publish()
    project.sections.append("[build]\nclosed-channel = true\n")
    project.add_apt(nvidia, "libcudnn9-dev-cuda-13", "libcudnn9-cuda-13", recipe="cudnn", outputs=["mirror", "conda"])
    for name, recipe in (("libcublas-13-0", "libcublas"), ("cuda-nvrtc-dev-13-0", "cuda-nvrtc")):
        outputs = ["mirror", "conda"]
        project.add("pin", upstream=APT, packages=[name], recipe=recipe, cuda="13.0", outputs=outputs)
    project.accept_eula(licence(release), LICENCE)
    project.publish()
    channel = (project.site / "conda/main").as_uri()
    found = conda_env.solve([channel], ["cudnn"], tmp_path / "cache", cuda="13.0")
    assert (found["libcublas"].version, found["cuda-nvrtc"].version) == ("13.1.0.3", "13.0.88")
    assert (project.site / f"apt/{APT}/libcublas-13-0_13.1.0.3-1_amd64.deb").is_file()


def test_an_rpm_without_a_licence_says_which_forms_have_one(project: Project, folder: Path) -> None:
    write_component_rpms(CUBLAS, folder, licence=b"")
    write_component_debs(NVRTC, folder)
    closed(project, folder, CUDNN, ("libcublas*", "libcublas"), ("cuda-nvrtc*", "cuda-nvrtc"))
    project.run("lock")
    project.run("sync")
    failed = project.fail(6, "repackage")
    assert "no licence text" in failed.error
    assert "the wheel and the deb of the same release contain the licence" in failed.hint
    for path in folder.glob("libcublas*.rpm"):
        path.unlink()
    write_component_debs(CUBLAS, folder)
    project.publish()
