"""``cudepot samples build``: what it asks for, what it says, where samples come from.

What Makefiles of each era make of it is in ``test_samples_eras``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.sample_trees import ERAS, write, write_cudnn, write_toolkit, write_tree
from simulator.site_key import SiteKey

from cudepot.catalog.nvidia.samples import TARGETS, is_for, sample_path
from cudepot.cli.main import main

BROKEN = "all:\n\t@echo fatal: FreeImage is not set up; exit 2\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "cudnn_samples_v8", ERAS["8.9"], freeimage=True)


@pytest.fixture(scope="module")
def cuda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toolkit with cuDNN's native and cross files; read only."""
    folder = write_toolkit(tmp_path_factory.mktemp("toolkit") / "cuda")
    write_cudnn(folder, 8, lib="lib64")
    write_cudnn(folder / "targets" / "aarch64-qnx", 8, "aarch64-linux-gnu-gcc")
    return folder


def build(tmp_path: Path, cuda: Path, *options: str, code: int = 0, capsys: pytest.CaptureFixture[str]) -> dict:
    out = tmp_path / "out"
    argv = ["samples", "build", "-C", str(tmp_path), "--json", "--cuda", str(cuda), "--output", str(out), *options]
    assert main(argv) == code
    return json.loads(capsys.readouterr().out)


def test_qnx_with_a_compiler_that_records_its_call(
    tree: Path, cuda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, target = tmp_path / "qnx" / "host", tmp_path / "qnx" / "target"
    target.mkdir(parents=True)
    script = '#!/bin/sh\necho "$QNX_HOST $QNX_TARGET $@" >> "$RECORD"\nexec aarch64-linux-gnu-g++ "$@"\n'
    write(host / "usr" / "bin" / "q++", script, 0o755)
    record = tmp_path / "record"
    for name, value in (("QNX_HOST", host), ("QNX_TARGET", target), ("RECORD", record)):
        monkeypatch.setenv(name, str(value))
    build(tmp_path, cuda, "--from", str(tree), "--target", "qnx", "--sample", "conv_sample", capsys=capsys)
    said = record.read_text()
    assert f"{host} {target} " in said
    assert f"-I{cuda}/targets/aarch64-qnx/include" in said
    assert f"-L{cuda}/targets/aarch64-qnx/lib" in said
    assert "qnx/aarch64/" in said


def test_qnx_takes_the_compiler_of_nvidias_guide(
    tree: Path, cuda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, target = tmp_path / "qnx" / "host", tmp_path / "qnx" / "target"
    target.mkdir(parents=True)
    for name in ("aarch64-unknown-nto-qnx7.0.0-g++", "aarch64-unknown-nto-qnx7.1.0-g++"):
        write(host / "usr" / "bin" / name, '#!/bin/sh\nexec aarch64-linux-gnu-g++ "$@"\n', 0o755)
    monkeypatch.setenv("QNX_HOST", str(host))
    monkeypatch.setenv("QNX_TARGET", str(target))
    done = build(tmp_path, cuda, "--from", str(tree), "--target", "qnx", "--sample", "conv_sample", capsys=capsys)
    assert "aarch64-unknown-nto-qnx7.1.0-g++" in Path(done["made"][0]["log"]).read_text()


def test_what_is_missing_is_said_before_anything_is_copied(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QNX_HOST", raising=False)
    monkeypatch.delenv("QNX_TARGET", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = build(tmp_path, empty, "--from", str(tree), "--target", "qnx", "--dry-run", code=3, capsys=capsys)
    told = " ".join(done["missing"])
    assert all(word in told for word in ("q++", "QNX_HOST", "QNX_TARGET", "no CUDA toolkit", "cudnn.h", "libcudnn.so"))
    done = build(tmp_path, empty, "--from", str(tree), "--target", "qnx", code=3, capsys=capsys)
    assert "cannot be built here" in done["error"]
    assert not (tmp_path / "out").exists()


def test_a_compiler_for_another_machine_is_named(
    tree: Path, cuda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--from", str(tree), "--target", "sbsa", "--compiler", "g++")
    assert "generates code for x86_64" in build(tmp_path, cuda, *options, code=3, capsys=capsys)["error"]


def test_one_that_fails_does_not_stop_the_others(
    tree: Path, cuda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree / "mnistCUDNN" / "Makefile", BROKEN)
    options = ("--from", str(tree), "--target", "x86_64", "--compiler", "g++")
    made = {one["name"]: one for one in build(tmp_path, cuda, *options, code=11, capsys=capsys)["made"]}
    assert made["conv_sample"]["built"]
    assert not made["mnistCUDNN"]["built"]
    assert "FreeImage is not set up" in made["mnistCUDNN"]["said"]
    assert "TARGET_ARCH=x86_64" in Path(made["mnistCUDNN"]["log"]).read_text()


def test_a_folder_in_use_or_an_unknown_sample_is_refused(
    tree: Path, cuda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--from", str(tree), "--target", "x86_64", "--compiler", "g++")
    done = build(tmp_path, cuda, *options, "--sample", "RNN", code=3, capsys=capsys)
    assert "no sample RNN" in done["error"]
    assert "not empty" in build(tmp_path, cuda, *options, code=3, capsys=capsys)["error"]


def test_the_samples_of_the_lock(
    tree: Path, cuda: Path, tmp_path: Path, site_key: SiteKey, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    deb = simple_deb("libcudnn8-samples", "8.0.5.39-1+cuda11.1")
    for path in tree.rglob("*"):
        if path.is_file():
            deb.files[f"/usr/src/cudnn_samples_v8/{path.relative_to(tree)}"] = path.read_bytes()
    (project.base / "downloads").mkdir()
    name = write_deb(deb, project.base / "downloads").name
    project.add("upstream", name="dl", type="folder", path="downloads")
    project.add("pin", upstream="dl", packages=["*.deb"])
    project.run("lock")
    project.run("sync")
    argv = ["samples", "build", "-C", str(project.base), "--cuda", str(cuda), "--target", "x86_64"]
    assert main([*argv, "--compiler", "g++"]) == 0
    assert f"samples of {name}" in capsys.readouterr().out
    assert os.access(project.base / "cudnn-samples" / "conv_sample" / "conv_sample", os.X_OK)


def test_samples_of_the_version_that_is_built_against(
    cuda: Path, tmp_path: Path, site_key: SiteKey, capsys: pytest.CaptureFixture[str]
) -> None:
    """7 and 8 are locked, 8 is in the toolkit: --cudnn names 7, whose samples are in libcudnn7-doc."""
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    (project.base / "downloads").mkdir()
    debs = ("libcudnn7-doc", "7.6.5.32-1+cuda10.2", "7.6"), ("libcudnn8-samples", "8.0.5.39-1+cuda11.1", "8.0")
    for package, version, era in debs:
        tree = write_tree(tmp_path / package, ERAS[era])
        deb = simple_deb(package, version)
        files = {f"/usr/src/cudnn_samples_v{version[0]}/{one.relative_to(tree)}": one for one in tree.rglob("*")}
        deb.files |= {path: one.read_bytes() for path, one in files.items() if one.is_file()}
        write_deb(deb, project.base / "downloads")
    project.add("upstream", name="dl", type="folder", path="downloads")
    project.add("pin", upstream="dl", packages=["*.deb"])
    project.run("lock")
    project.run("sync")
    argv = ["samples", "build", "-C", str(project.base), "--cuda", str(cuda), "--sample", "conv_sample"]
    for major, package in ((7, "libcudnn7-doc"), (8, "libcudnn8-samples")):
        named = write_cudnn(tmp_path / f"named{major}", major)
        assert main([*argv, "--cudnn", str(named), "--output", f"for{major}"]) == 0
        assert f"samples of {package}_" in capsys.readouterr().out
    named = write_cudnn(tmp_path / "named9", 9)
    assert main([*argv, "--cudnn", str(named), "--output", "for9"]) == 3
    told = capsys.readouterr().err
    assert "the samples here are of cuDNN 7, 8, the headers in" in told
    assert "pin libcudnn9-samples" in told


@pytest.mark.parametrize(
    ("architecture", "target", "fits"),
    [("amd64", "x86_64", True), ("aarch64", "x86_64", False), ("arm64", "sbsa", True), ("all", "qnx", True)],
)
def test_samples_packages_belong_to_a_machine(architecture: str, target: str, fits: bool) -> None:
    assert is_for(architecture, TARGETS[target]) is fits


@pytest.mark.parametrize(
    ("member", "path"),
    [
        ("usr/src/cudnn_samples_v8/mnistCUDNN/Makefile", "mnistCUDNN/Makefile"),
        ("cudnn_samples_v9/samples_common.mk", "samples_common.mk"),
        ("cudnn_samples-source-9.1.0.70-archive/src/cudnn_samples_v9/RNN/x.cu", "RNN/x.cu"),
        ("usr/share/doc/libcudnn8-samples/copyright", ""),
        ("usr/src/mycudnn_samples_v8/x", ""),
    ],
)
def test_where_samples_lie_in_a_package(member: str, path: str) -> None:
    assert sample_path(member) == path


@given(st.text(alphabet="abc/_v8.", max_size=40))
def test_a_sample_path_is_always_the_end_of_the_member(member: str) -> None:
    assert member.endswith(sample_path(member))
