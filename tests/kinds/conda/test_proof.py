"""`publish` proves that each conda package it shows can be installed from the channel it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulator.cuda_debs import LICENCE, Component, write_component_debs
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.nvidia import Nvidia
from simulator.project import DOWNLOADS, Project, snapshot_of
from tests.clients import conda_env

from cudepot.builders.channel_proof import ChannelProof, prove_channel

CUDNN = CudnnRelease("9.12.0.46", "13")


def record(
    name: str, version: str, *depends: str, build: str = "h0", constrains: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "name": name, "version": version, "build": build, "build_number": 0, "depends": list(depends),
        "constrains": list(constrains), "sha256": "0" * 64, "size": 1,
    }  # fmt: skip


def proof(folder: Path, closed: bool = True, **subdirs: list[dict[str, Any]]) -> ChannelProof:
    """Write the channel and have it proved."""
    paths = {}
    for key, records in subdirs.items():
        subdir = key.replace("_", "-")
        named = {f"{one['name']}-{one['version']}-{one['build']}.conda": {**one, "subdir": subdir} for one in records}
        paths[subdir] = folder / f"{subdir}.json"
        paths[subdir].write_text(json.dumps({"info": {"subdir": subdir}, "packages": {}, "packages.conda": named}))
    return prove_channel(paths, closed=closed)


def cuda_versions(*versions: str) -> list[dict[str, Any]]:
    return [record("cuda-version", one, constrains=("__cuda >=12",)) for one in versions]


def test_every_package_counts_not_the_newest_of_a_name_only(tmp_path: Path) -> None:
    old, new = record("cudnn", "9.1", "libcublas 12.*"), record("cudnn", "9.12", "libcublas 13.*")
    found = proof(tmp_path, linux_64=[old, new, record("libcublas", "13.1")], noarch=cuda_versions("13.0"))
    (row,) = found.unsolvable
    assert row == ("linux-64", "cudnn-9.1-h0", "libcublas 12.*", "the channel has libcublas 13.1")


def test_what_contradicts_itself_only_taken_together_is_found(tmp_path: Path) -> None:
    packages = [
        record("cudnn", "9.12", "libcublas", "cuda-version >=13,<14.0a0"),
        record("libcublas", "12.9", "cuda-version >=12.9,<12.10.0a0"),
    ]
    found = proof(tmp_path, linux_64=packages, noarch=cuda_versions("12.9", "13.0"))
    ((platform, package, relation, because),) = found.unsolvable
    assert (platform, package) == ("linux-64", "cudnn-9.12-h0")
    assert "taken together" in relation
    assert "libcublas" in because
    assert "\n" not in because


def test_each_platform_is_proved_by_itself(tmp_path: Path) -> None:
    need, there = record("cudnn", "9.1", "libcublas"), record("libcublas", "12.9")
    found = proof(tmp_path, linux_64=[need, there], linux_aarch64=[need], win_64=[need, there])
    assert [row[:2] for row in found.unsolvable] == [("linux-aarch64", "cudnn-9.1-h0")]


def test_machines_have_what_packages_ask_of_them(tmp_path: Path) -> None:
    bound = ("__cuda >=13", "__cuda_arch >=7.5", "arm-variant * sbsa")
    packages = [record("libcudnn", "9.12", "__glibc >=2.28,<3.0.a0", constrains=bound)]
    assert proof(tmp_path, linux_64=packages, win_64=[record("x", "1", constrains=bound)]).unsolvable == ()


def test_a_package_for_all_platforms_fails_where_it_fails_on_each(tmp_path: Path) -> None:
    platforms = {"linux_64": [record("a", "1"), record("b", "1")], "win_64": [record("a", "1")]}
    common = [record("needs-b", "1", "b"), record("needs-c", "1", "c")]
    found = proof(tmp_path, noarch=common, **platforms)
    assert [row[:3] for row in found.unsolvable] == [("noarch", "needs-c-1-h0", "c")]


def test_an_open_channel_leaves_other_names_to_others_but_not_their_contradictions(tmp_path: Path) -> None:
    packages = [
        record("cudnn", "9.12", "libcublas", "libgcc >=13", "cuda-version >=13,<14.0a0"),
        record("cudnn", "9.1", "libcublas", "cuda-version >=12,<13.0a0"),
        record("libcublas", "13.1", "cuda-version >=13.0,<13.1.0a0"),
    ]
    found = proof(tmp_path, closed=False, linux_64=packages)
    assert found.foreign == ("cuda-version", "libgcc")
    assert [row[1] for row in found.unsolvable] == ["cudnn-9.1-h0"], "libcublas is taken from this channel alone"


def test_packages_that_another_solution_holds_are_not_solved_again(tmp_path: Path) -> None:
    packages = [record("libcublas", f"12.9.{one}", "cuda-version") for one in range(60)]
    packages += [record("cudnn", f"9.{one}", "libcublas") for one in range(60)]
    assert proof(tmp_path, linux_64=packages, noarch=cuda_versions("12.9")).unsolvable == ()


# through the command


def want_closed(project: Project, folder: Path, *components: Component) -> None:
    """Want a closed channel of cuDNN and parts of CUDA from a folder."""
    folder.mkdir()
    write_archive(CUDNN, folder)
    for one in components:
        write_component_debs(one, folder)
    project.sections.append("[build]\nclosed-channel = true\n")
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    for glob, recipe in (("cudnn-*", "cudnn"), ("libcublas*", "libcublas"), ("cuda-nvrtc*", "cuda-nvrtc")):
        project.add("pin", upstream=DOWNLOADS, packages=[glob], recipe=recipe, outputs=["conda"])
    project.accept_eula(licence(CUDNN), LICENCE)


@pytest.fixture
def closed(project: Project, tmp_path: Path) -> Project:
    """A closed channel whose cuBLAS is of another CUDA than its NVRTC."""
    cublas, nvrtc = Component("libcublas", "13.2.0.9", "13.1"), Component("cuda-nvrtc", "13.0.88", "13.0")
    want_closed(project, tmp_path / "downloads", cublas, nvrtc)
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
    return project


def test_a_channel_that_cannot_be_solved_is_not_published(closed: Project, tmp_path: Path) -> None:
    failed = closed.fail(6, "publish")
    assert failed.error.startswith("error E410")
    assert "conda/main" in failed.error
    assert "libcublas-13.2.0.9" in failed.error
    assert not (closed.site / "conda").exists()
    reason = ["--allow-unsolvable", "conda/main", "--reason", "another channel has cuBLAS"]
    closed.run("lock", *reason)
    told = closed.run("publish")
    assert "another channel has cuBLAS" in told.out
    write_component_debs(Component("cuda-nvrtc", "13.1.80", "13.1"), tmp_path / "downloads")
    for path in (tmp_path / "downloads").glob("cuda-nvrtc-13-0*"):
        path.unlink()
    for path in (tmp_path / "downloads").glob("cuda-nvrtc-dev-13-0*"):
        path.unlink()
    for verb in ("lock", "sync", "repackage", "publish"):
        closed.run(verb)
    found = conda_env.solve([(closed.site / "conda/main").as_uri()], ["cudnn"], tmp_path / "cache", cuda="13.1")
    assert found["cuda-version"].version == "13.1"
    assert "allowed-unsolvable" in closed.lock.read_text()
    assert "conda/main: can be installed now, so the exception was removed" in closed.run("lock").out
    assert "allowed-unsolvable" not in closed.lock.read_text()
    closed.run("publish")


def test_an_open_channel_says_what_others_have_to_provide(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    write_archive(CUDNN, folder)
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn-*"], recipe="cudnn", outputs=["conda"])
    project.accept_eula(licence(CUDNN))
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
    told = project.run("publish").out
    assert "must provide cuda-nvrtc, cuda-version, libcublas, libgcc, libstdcxx, libzlib" in told
    before = (project.store / "proofs.json").stat().st_mtime_ns
    project.run("publish")
    assert (project.store / "proofs.json").stat().st_mtime_ns == before, "an unchanged channel is not solved again"


def test_with_keep_last_the_channel_stays_and_the_rest_goes_on(
    project: Project, tmp_path: Path, nvidia: Nvidia
) -> None:
    folder = tmp_path / "downloads"
    cublas, nvrtc = Component("libcublas", "13.1.0.3", "13.0"), Component("cuda-nvrtc", "13.0.88", "13.0")
    want_closed(project, folder, cublas, nvrtc)
    project.publish()
    shown = {path: data for path, data in snapshot_of(project.site / "conda/main").items() if path.endswith(".conda")}
    for path in folder.glob("libcublas*"):
        path.unlink()
    write_component_debs(Component("libcublas", "13.2.0.9", "13.1"), folder)
    project.add_apt(nvidia)
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
    project.fail(6, "publish")
    assert "conda/main: " in project.run("publish", "--keep-last").out
    now = {path: data for path, data in snapshot_of(project.site / "conda/main").items() if path.endswith(".conda")}
    assert [one[0] for one in now.values()] == [one[0] for one in shown.values()]
    assert (project.site / "apt/ubuntu2004/x86_64/Packages").is_file()
    project.run("verify")
