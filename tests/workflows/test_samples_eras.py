"""`samples build` with the Makefiles of each era: native, another cuDNN than the toolkit's, aarch64, SBSA and QNX."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from simulator.sample_trees import ERAS, REAL, Era, write, write_cudnn, write_toolkit, write_tree

from cudepot.cli.main import main

Build = Callable[..., dict[str, Any]]
OLD_AND_NEW = [ERAS["8.0"], ERAS["9.1"]]


def era_name(era: Era) -> str:
    return era.name


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toolkit with a stand-in nvcc and no cuDNN; read only."""
    return write_toolkit(tmp_path_factory.mktemp("toolkit") / "cuda")


@pytest.fixture(scope="module")
def cuda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toolkit with cuDNN 8 copied into it as the guide says, and the cross packages' files; read only."""
    folder = write_toolkit(tmp_path_factory.mktemp("toolkit8") / "cuda")
    write_cudnn(folder, 8, lib="lib64")
    for target in ("aarch64-linux", "sbsa-linux", "aarch64-qnx"):
        write_cudnn(folder / "targets" / target, 9 if target == "sbsa-linux" else 7, "aarch64-linux-gnu-gcc")
    return folder


@pytest.fixture
def build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Build:
    """Build a tree and return what was answered."""

    def run(tree: Path, cuda: Path, *options: str, code: int = 0) -> dict[str, Any]:
        argv = ["samples", "build", "-C", str(tmp_path), "--json", "--from", str(tree), "--cuda", str(cuda), *options]
        assert main(argv) == code
        return dict(json.loads(capsys.readouterr().out))

    return run


def said(program: str, *libraries: Path, arm: bool = False) -> str:
    """Run what was built: the header's version, the library's, the .cu's with its compiler's, the target."""
    path = f"LD_LIBRARY_PATH={':'.join(map(str, libraries))}"
    emulator = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", "-E", path] if arm else ["env", path]
    return subprocess.run([*emulator, program], capture_output=True, text=True, check=True).stdout


def programs(done: dict[str, Any]) -> dict[str, str]:
    return {Path(one).name: one for one in done["executables"]}


@pytest.mark.parametrize("era", ERAS.values(), ids=era_name)
def test_mnist_with_freeimage_runs(era: Era, cuda: Path, build: Build, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", era, freeimage=True)
    built = programs(build(tree, cuda))
    assert set(built) == {"conv_sample", "mnistCUDNN"}
    assert said(built["conv_sample"], cuda / "lib64") == "8 8005 8099 linux/x86_64/\n"


@pytest.mark.parametrize("era", OLD_AND_NEW, ids=era_name)
def test_mnist_without_freeimage_is_not_built(era: Era, cuda: Path, build: Build, tmp_path: Path) -> None:
    made = {one["name"]: one for one in build(write_tree(tmp_path / "tree", era), cuda, code=11)["made"]}
    assert made["conv_sample"]["built"]
    assert not made["mnistCUDNN"]["built"]
    assert ">>> WARNING - FreeImage is not set up correctly" in made["mnistCUDNN"]["said"]


@pytest.mark.parametrize("era", ERAS.values(), ids=era_name)
def test_the_named_cudnn_is_taken_where_the_toolkit_has_another(
    era: Era, cuda: Path, build: Build, tmp_path: Path
) -> None:
    """Every Makefile has -I$(CUDA_PATH)/include first: with 7 named it compiled against 8, and exited 0 (G2)."""
    tree, seven = write_tree(tmp_path / "tree", era, freeimage=True), write_cudnn(tmp_path / "seven", 7)
    built = programs(build(tree, cuda, "--cudnn", str(seven)))
    assert "mnistCUDNN" in built, "its test for FreeImage is linked with cuDNN"
    assert said(built["conv_sample"], seven / "lib", cuda / "lib64") == "7 7005 7099 linux/x86_64/\n"
    assert (cuda / "include" / "cudnn.h").is_file()


@pytest.mark.parametrize("era", ERAS.values(), ids=era_name)
def test_aarch64_runs_under_qemu(era: Era, cuda: Path, build: Build, tmp_path: Path) -> None:
    """Against the cross package's 7.x, beside the build machine's 8.x in the toolkit."""
    tree = write_tree(tmp_path / "tree", era, freeimage=True)
    built = programs(build(tree, cuda, "--target", "aarch64"))
    lib = cuda / "targets" / "aarch64-linux" / "lib"
    assert said(built["conv_sample"], lib, arm=True) == "7 7005 7099 linux/aarch64/\n"
    assert "mnistCUDNN" in built


def test_sbsa_takes_its_own_libraries(cuda: Path, build: Build, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", ERAS["9.1"])
    done = build(tree, cuda, "--target", "sbsa", "--sample", "conv_sample")
    lib = cuda / "targets" / "sbsa-linux" / "lib"
    assert said(done["executables"][0], lib, arm=True) == "9 9005 9099 linux/aarch64/1\n"
    log = Path(done["made"][0]["log"]).read_text()
    assert "-target-dir sbsa-linux" in log
    assert f"-L{lib}" in log


@pytest.mark.parametrize("era", ERAS.values(), ids=era_name)
def test_qnx_as_the_guide_has_it(
    era: Era, cuda: Path, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, target = tmp_path / "qnx" / "host", tmp_path / "qnx" / "target"
    target.mkdir(parents=True)
    script = '#!/bin/sh\n[ "$QNX_HOST" -a "$QNX_TARGET" ] && exec aarch64-linux-gnu-g++ "$@"\n'
    compiler = write(host / "usr" / "bin" / "aarch64-unknown-nto-qnx7.1.0-g++", script, 0o755)
    monkeypatch.setenv("QNX_HOST", str(host))
    monkeypatch.setenv("QNX_TARGET", str(target))
    tree = write_tree(tmp_path / "tree", era, freeimage=True)
    done = build(tree, cuda, "--target", "qnx", code=11)
    made = {one["name"]: one for one in done["made"]}
    assert made["conv_sample"]["built"]
    assert f"{compiler} " in Path(made["conv_sample"]["log"]).read_text()
    assert not made["mnistCUDNN"]["built"], "there is no FreeImage for QNX"
    lib = cuda / "targets" / "aarch64-qnx" / "lib"
    assert said(programs(done)["conv_sample"], lib, arm=True) == "7 7005 7099 qnx/aarch64/\n"


def test_a_toolkit_without_nvcc_is_missing_something(cuda: Path, build: Build, tmp_path: Path) -> None:
    """It looked for cuda.h alone, and every sample failed."""
    folder = tmp_path / "cuda"
    write(folder / "include" / "cuda.h", "")
    tree = write_tree(tmp_path / "tree", ERAS["9.1"])
    done = build(tree, folder, "--cudnn", str(write_cudnn(tmp_path / "eight", 8)), "--dry-run", code=3)
    assert done["missing"] == [
        f"no nvcc in {folder}/bin: the Makefiles compile and link with it (package cuda-nvcc-X-Y, or cuda-toolkit)"
    ]


def test_a_dry_run_says_whose_header_is_hidden(cuda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seven = write_cudnn(tmp_path / "seven", 7)
    out = tmp_path / "out"
    argv = ["samples", "build", "-C", str(tmp_path), "--cuda", str(cuda), "--cudnn", str(seven), "--output", str(out)]
    assert main([*argv, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert f"another cuDNN: {cuda}/include/cudnn.h" in told
    assert f"CUDA_PATH={out}/.cuda" in told
    assert not out.exists()


def test_an_executable_for_another_cudnn_than_the_one_named_is_an_error(
    bare: Path, build: Build, tmp_path: Path
) -> None:
    """A Makefile of one's own, say, that names a folder itself."""
    tree, seven = write_tree(tmp_path / "tree", ERAS["8.0"]), write_cudnn(tmp_path / "seven", 7)
    eight = write_cudnn(tmp_path / "eight", 8)
    own = tree / "conv_sample" / "Makefile"
    own.write_text(own.read_text().replace("$(NVCCFLAGS)", f"$(NVCCFLAGS) -L{eight}/lib"))
    options = ("--cudnn", str(seven), "--sample", "conv_sample")
    assert "needs libcudnn.so.8, expected libcudnn.so.7" in build(tree, bare, *options, code=10)["error"]


def test_folders_are_named_from_where_one_is(
    bare: Path, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path / "tree", ERAS["8.0"])
    write_cudnn(tmp_path / "eight", 8)
    (tmp_path / "cuda").symlink_to(bare)
    monkeypatch.chdir(tmp_path)
    done = build(tree, Path("cuda"), "--cudnn", "eight", "--sample", "conv_sample")
    assert f"-I{tmp_path}/eight/include" in Path(done["made"][0]["log"]).read_text()


def test_flags_of_the_environment_come_behind(
    bare: Path, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRA_CCFLAGS", "-DOF_MINE")
    tree, eight = write_tree(tmp_path / "tree", ERAS["8.9"]), write_cudnn(tmp_path / "eight", 8)
    done = build(tree, bare, "--cudnn", str(eight), "--sample", "conv_sample")
    assert f"-I{eight}/include -DOF_MINE" in Path(done["made"][0]["log"]).read_text()


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "bin" / "nvcc").exists(), reason="no CUDA toolkit here")
@pytest.mark.parametrize("target", ["x86_64", "aarch64"])
@pytest.mark.parametrize("era", OLD_AND_NEW, ids=era_name)
def test_with_nvidias_nvcc(
    era: Era, target: str, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cross = target == "aarch64"
    monkeypatch.setenv("SMS", "75")  # the list of an old release may be beyond a new nvcc
    toolkit = write_toolkit(tmp_path / "cuda", real=True)
    write_cudnn(toolkit, 8, lib="lib64")
    seven = write_cudnn(tmp_path / "seven", 7, "aarch64-linux-gnu-gcc" if cross else "gcc")
    tree = write_tree(tmp_path / "tree", era)
    options = ("--target", target, "--cudnn", str(seven), "--sample", "conv_sample")
    (program,) = build(tree, toolkit, *options)["executables"]
    found = said(program, seven / "lib", toolkit / "targets" / f"{target}-linux" / "lib", arm=cross)
    assert found.startswith("7 7005 70")
    assert found.endswith(f" linux/{target}/\n")
