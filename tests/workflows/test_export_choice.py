"""What an export is about: chosen packages bring what they need, and what cannot work is not written."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.project import DOWNLOADS, Project
from simulator.site_key import SiteKey
from simulator.wheels import write_cublas_wheel
from simulator.yum import Rhel
from tests.clients import conda_env, http
from tests.clients.dnf import DnfRoot
from tests.clients.python_env import PythonEnv
from tests.kinds.conda.test_closed_channel import closed, downloads, write_nvrtc_wheel  # noqa: F401 - fixtures
from tests.kinds.yum.world import CUDNN, DEVEL, NAME, add_yum

URL = "https://packages.example"
EIGHT, NINE = CudnnRelease("8.9.7.29", "12"), CudnnRelease("9.12.0.46", "13")


def export(project: Project, form: str, *options: str, url: str = URL) -> str:
    return project.run("export", form, "--url", url, *options).out


def specs(text: str) -> dict[str, str]:
    """Packages of an environment.yml with their versions."""
    listed = yaml.safe_load(text)["dependencies"]
    return {one.split("=")[0]: one.split("=")[1] for one in listed}


@pytest.fixture(scope="module")
def wheels(site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A wheel index with cuDNN 8 for CUDA 12 and cuDNN 9 for CUDA 13, and what they need; all but NVRTC of 13."""
    home, key = site_key_master
    base = tmp_path_factory.mktemp("wheels")
    (folder := base / "downloads").mkdir()
    for release in (EIGHT, NINE):
        write_archive(release, folder)
    for major, version in (("12", "12.4.5.8"), ("12", "12.9.1.4"), ("13", "13.0.0.19")):
        write_cublas_wheel(major, version, folder)
    write_nvrtc_wheel("12", "12.9.86", folder)
    project = Project(base / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn-*"], recipe="cudnn", outputs=["wheel"])
    project.add("pin", upstream=DOWNLOADS, packages=["nvidia_*"])
    project.accept_eula(licence(EIGHT), licence(NINE))
    project.publish()
    return project


def test_a_chosen_conda_package_brings_what_it_needs(closed: Project) -> None:  # noqa: F811
    text = export(closed, "conda-explicit", "--only", "cudnn=9.12.0.46")
    names = {line.rpartition("/")[2].rsplit("-", 2)[0] for line in text.splitlines() if "://" in line}
    assert names == {"cudnn", "libcudnn", "libcudnn-dev", "libcublas", "cuda-nvrtc", "cuda-version"}
    assert "# without" not in text


def test_a_cuda_version_narrows_all_of_a_closed_channel(closed: Project) -> None:  # noqa: F811
    assert specs(export(closed, "environment.yml", "--cuda", "12")) == {
        "cudnn": "9.5.1.17", "cuda-version": "12.9", "libcublas": "12.9.1.4", "cuda-nvrtc": "12.9.86",
    }  # fmt: skip
    assert specs(export(closed, "environment.yml", "--cuda", "13.0"))["cuda-version"] == "13.0"


def test_the_hint_of_what_is_not_clear_leads_to_a_file_that_installs(closed: Project, tmp_path: Path) -> None:  # noqa: F811
    failed = closed.fail(6, "export", "environment.yml", "--url", URL)
    assert "several of" in failed.error
    assert "--only NAME=VERSION (its dependencies are included)" in failed.hint
    with http.serve(closed.site) as site:
        said = yaml.safe_load(export(closed, "environment.yml", "--only", "cudnn=9.5.1.17", url=site.url))
        found = conda_env.create(said["channels"], said["dependencies"], tmp_path / "env", cuda="12.9")
    assert set(found) == {one.split("=")[0] for one in said["dependencies"]}


def test_what_is_elsewhere_is_told(closed: Project) -> None:  # noqa: F811
    """A closed channel needs nothing; the head says how conda asks it alone."""
    text = export(closed, "environment.yml", "--cuda", "13")
    command = next(line for line in text.splitlines() if "--override-channels" in line)
    words = shlex.split(command.partition("conda create")[2])
    assert words[:3] == ["-n", "acme", "--override-channels"]
    assert sorted(words[5:]) == sorted(yaml.safe_load(text)["dependencies"])


def test_conda_md5_are_those_of_the_files(closed: Project) -> None:  # noqa: F811
    import hashlib

    text = export(closed, "conda-explicit-md5", "--cuda", "12")
    lines = [line for line in text.splitlines() if "://" in line]
    assert len(lines) == 4
    for line in lines:
        url, _, md5 = line.partition("#")
        file = closed.site / url.removeprefix(f"{URL}/")
        assert hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() == md5


def test_two_that_exclude_each_other_are_no_environment(tmp_path: Path, site_key_master: Any) -> None:
    from tests.workflows.test_outputs import write_jit

    home, key = site_key_master
    (folder := tmp_path / "downloads").mkdir()
    release = CudnnRelease("9.12.0.46", "12")
    write_archive(release, folder)
    write_jit(folder)
    project = Project(tmp_path / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn*"], recipe="cudnn", outputs=["conda"])
    project.accept_eula(licence(release))
    project.publish()
    failed = project.fail(6, "export", "conda-explicit", "--url", URL)
    assert "one environment cannot have all of this" in failed.error
    text = export(project, "conda-explicit", "--only", "cudnn-jit")
    assert "libcudnn-jit-9" in text
    assert "libcudnn-9" not in text
    assert "# without cuda-nvrtc, cuda-version, libcublas" in text


@pytest.mark.parametrize("spelt", ["nvidia-cudnn-cu12=8.9.7.29", "NVIDIA_cuDNN.cu12==8.9.7.29+acme.1"])
def test_chosen_wheels_bring_what_they_require_and_pip_installs(wheels: Project, spelt: str, tmp_path: Path) -> None:
    with http.serve(wheels.site) as site:
        (tmp_path / "requirements.txt").write_text(export(wheels, "requirements.txt", "--only", spelt, url=site.url))
        env = PythonEnv(tmp_path / "venv")
        env.pip("install", "--no-cache-dir", "-r", str(tmp_path / "requirements.txt"))
    text = (tmp_path / "requirements.txt").read_text()
    assert re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE) == [
        ("nvidia-cublas-cu12", "12.9.1.4"),
        ("nvidia-cuda-nvrtc-cu12", "12.9.86"),
        ("nvidia-cudnn-cu12", "8.9.7.29+acme.1"),
    ]


def test_wheels_without_suffix_are_not_for_an_older_cuda(wheels: Project) -> None:
    options = ("--cuda", "12", "--only", "nvidia-cublas-cu12=12.4.5.8", "--only", "nvidia-cudnn-cu12")
    listed = tomllib.loads(export(wheels, "pylock.toml", *options))["packages"]
    assert {one["name"]: one["version"] for one in listed} == {
        "nvidia-cublas-cu12": "12.4.5.8",
        "nvidia-cuda-nvrtc-cu12": "12.9.86",
        "nvidia-cudnn-cu12": "8.9.7.29+acme.1",
    }
    thirteen = tomllib.loads(export(wheels, "pylock.toml", "--cuda", "13"))["packages"]
    assert {one["name"] for one in thirteen} == {"nvidia-cublas", "nvidia-cudnn-cu13"}


def test_what_a_wheel_requires_and_the_site_lacks_is_refused(wheels: Project, tmp_path: Path) -> None:
    """Of the same site without the NVRTC wheel; uv's fragment leaves it to other indexes."""
    copy = tmp_path / "project"
    shutil.copytree(wheels.base, copy, symlinks=True)
    toml = copy / "cudepot.toml"
    toml.write_text(toml.read_text().replace('"nvidia_*"', '"nvidia_cublas_*"'))
    argv = ("-C", str(copy))
    for verb in ("lock", "publish"):
        wheels.run(verb, *argv)
    done = wheels.run("export", "requirements.txt", *argv, "--url", URL, "--only", "nvidia-cudnn-cu12", check=False)
    assert done.rc == 6
    assert "requires nvidia-cuda-nvrtc-cu12, but the site has none" in done.error
    assert "nvidia-cudnn-cu12" in wheels.run("export", "uv", *argv, "--url", URL, "--only", "nvidia-cudnn-cu12").out


@pytest.mark.parametrize(
    ("form", "options", "told", "hint"),
    [
        ("requirements.txt", ("--only", "nvidia-cudnn-cu11"), "no 'nvidia-cudnn-cu11'", "nvidia-cudnn-cu12"),
        ("requirements.txt", ("--only", "nvidia-cudnn-cu12=8.9.7"), "", ""),
        ("requirements.txt", ("--only", "nvidia-cudnn-cu12=8.9.7.2"), "nvidia-cudnn-cu12=8.9.7.2'", "8.9.7.29+acme.1"),
        ("requirements.txt", ("--cuda", "11"), "CUDA 11", "12, 13"),
        ("dnf", (), "has no rpms", "wheels"),
        ("conda-explicit", (), "has no conda packages", "wheels"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_with_what_is(
    wheels: Project, form: str, options: tuple[str, ...], told: str, hint: str
) -> None:
    argv = ("export", form, "--url", URL, *options)
    if not told:
        assert wheels.run(*argv).out
        return
    failed = wheels.fail(6, *argv)
    assert told in failed.error
    assert hint in failed.hint


@pytest.mark.parametrize("spelt", ["rhel8", "yum/rhel8"])
def test_a_chosen_rpm_brings_what_it_requires_and_dnf_installs(
    project: Project, rhel: Rhel, site_key: SiteKey, spelt: str, tmp_path: Path
) -> None:
    add_yum(project, rhel, DEVEL, "app")
    project.publish()
    text = export(project, "dnf", "--only", "libcudnn8-devel=8.0.5.39", "--repository", spelt)
    command = shlex.split(text.splitlines()[0].partition("; ")[2])
    assert sorted(command[2:]) == sorted([CUDNN, DEVEL])
    root = DnfRoot(tmp_path / "dnf")
    (keys := tmp_path / "keys.asc").write_bytes(site_key.key.armored + rhel.key.armored)
    root.add_repo("site", (project.site / "yum" / NAME).as_uri(), keys)
    root.provide("glibc", "libc.so.6()(64bit)")
    root.lock_versions().write_text(text)
    root.install(*command[2:])
    assert root.installed()["libcudnn8-devel"] == "8.0.5.39-1.cuda11.1"
