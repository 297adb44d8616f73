"""``doctor --run`` against a stand-in driver and cuDNN that compute on the CPU and check the order of calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulator.elf import stub

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests" / "clients" / "gpu_standin.c"


def compiled(path: Path, *flags: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-O3", "-ffast-math", "-fno-finite-math-only", "-w", "-shared", "-fPIC", *flags]
    subprocess.run([*command, f"-Wl,-soname,{path.name}", "-o", path, SOURCE, "-lm", "-ldl"], check=True)
    return path


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("driver") / "libcuda.so.1", "-DDRIVER").parent


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three environments as conda lays them out: v7, v8 and v9."""
    root = tmp_path_factory.mktemp("environments")
    for major, version in (("7", "7605"), ("8", "8907"), ("9", "91002")):
        compiled(root / f"v{major}" / "lib" / f"libcudnn.so.{major}", f"-DVERSION={version}")
    return root


def doctor(
    prefix: Path | None, folder: Path | None, *options: str, fault: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run it without a single package beside the standard library (``-S``)."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "mirror"), "STANDIN_FAULT": fault, **more}
    env |= {"LD_LIBRARY_PATH": str(folder)} if folder else {}
    named = ["--prefix", str(prefix)] if prefix else []
    command = [sys.executable, "-S", "-m", "cudepot.cli.main", "doctor", "--run", *named, *options]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


@pytest.mark.parametrize(("major", "version"), [("7", "7.6.5"), ("8", "8.9.7"), ("9", "9.10.2")])
def test_every_api_computes_and_is_compared(environments: Path, driver: Path, major: str, version: str) -> None:
    done = doctor(environments / f"v{major}", driver)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    library = environments / f"v{major}" / "lib" / f"libcudnn.so.{major}"
    assert lines[0] == f"library: {library} (cuDNN {version}, built with CUDA 12.1)"
    assert lines[1] == "GPU: Stand-in 9000, compute capability 9.0, driver for CUDA 12.8"
    older = (
        "note: Stand-in 9000 has compute capability 9.0: according to NVIDIA's support matrix cuDNN 8.6 is "
        "the first for"
    )
    tests = ["convolution", "pooling", "softmax", "graph"][: 3 if major == "7" else 4]
    figures = lines[-1 - len(tests) : -1]
    assert [line.startswith(older) for line in lines[2 : -1 - len(tests)]] == [True] * (major == "7")
    assert [line.split()[0] for line in figures] == tests
    assert all("passed" in line and "GFLOP/s" in line for line in figures)
    assert lines[-1] == "Test passed!"


@pytest.mark.parametrize("fault", ["wrong", "nan"])
def test_a_wrong_result_fails_the_test(environments: Path, driver: Path, fault: str) -> None:
    done = doctor(environments / "v9", driver, "--json", fault=fault)
    assert done.returncode == 13, done.stderr
    result = json.loads(done.stdout)
    assert not result["passed"]
    assert [one["passed"] for one in result["tests"]] == [True, True, False, True]
    assert result["tests"][2]["worst"] is None or result["tests"][2]["worst"] > 0.1


@pytest.mark.parametrize(("fault", "told"), [("no-gpu", "no GPU"), ("old-driver", "unsupported display driver")])
def test_without_a_gpu_it_says_so_with_a_code_of_its_own(
    environments: Path, driver: Path, fault: str, told: str
) -> None:
    done = doctor(environments / "v9", driver, fault=fault)
    assert done.returncode == 12
    assert done.stderr.startswith("error E920: ")
    assert told in done.stderr
    assert "nothing was computed" in done.stderr


def test_a_machine_without_driver_is_one_without_gpu(environments: Path) -> None:
    done = doctor(environments / "v9", None)
    assert done.returncode == 12
    assert "libcuda.so.1" in done.stderr


def test_a_call_that_fails_is_named(environments: Path, driver: Path) -> None:
    done = doctor(environments / "v8", driver, fault="execution")
    assert done.returncode == 13
    assert "cudnnConvolutionForward: CUDNN_STATUS_EXECUTION_FAILED (8)" in done.stderr


@pytest.mark.parametrize(
    ("major", "fault", "status"), [("7", "execution", "EXECUTION_FAILED (8)"), ("9", "no-code", "ARCH_MISMATCH (6)")]
)
def test_a_gpu_that_a_cudnn_is_not_made_for_is_no_broken_installation(
    environments: Path, driver: Path, major: str, fault: str, status: str
) -> None:
    done = doctor(environments / f"v{major}", driver, fault=fault)
    assert done.returncode == 12, done.stderr
    assert done.stderr.startswith("error E920: ")
    assert f"cudnnConvolutionForward: CUDNN_STATUS_{status}" in done.stderr
    told = {
        "7": "compute capability 9.0: according to NVIDIA's support matrix cuDNN 8.6 is the first for Ada and "
        "Hopper, not 7.6"
    }
    assert told.get(major, "it has no code for Stand-in 9000") in done.stderr


@pytest.mark.parametrize(("major", "code"), [("7", 12), ("9", 13)])
def test_one_that_does_not_end_is_ended_and_the_step_is_named(
    environments: Path, driver: Path, major: str, code: int
) -> None:
    """What cuDNN 7.6.5 does on an H100: translation takes longer than anyone waits without a word."""
    done = doctor(environments / f"v{major}", driver, "--timeout", "3", fault="translates")
    assert done.returncode == code, done.stderr
    assert f"libcudnn.so.{major}: did not end within 3 s, in cudnnCreate" in done.stderr
    assert ("compute capability 9.0" in done.stderr) is (major == "7")
    assert "--timeout" in done.stderr


def test_one_that_aborts_later_is_named_with_its_step(environments: Path, driver: Path) -> None:
    """What cuDNN 8.9.7 does without cuBLAS."""
    done = doctor(environments / "v8", driver, fault="create-abort")
    assert done.returncode == 13
    assert "died of SIGABRT: Could not load library libcublasLt.so.12., in cudnnCreate" in done.stderr


def test_a_library_that_aborts_its_process_is_survived(environments: Path, driver: Path) -> None:
    done = doctor(environments / "v8", driver, fault="abort")
    assert done.returncode == 13
    assert "SIGABRT" in done.stderr


def test_a_prefix_without_cudnn_is_named(tmp_path: Path, driver: Path) -> None:
    done = doctor(tmp_path, driver)
    assert done.returncode == 13
    assert f"{tmp_path}: no libcudnn.so.N below it" in done.stderr


def test_the_environments_own_python_loads_it_after_cublas(environments: Path, driver: Path, tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages" / "nvidia"
    cudnn = compiled(site / "cudnn" / "lib" / "libcudnn.so.9", "-DVERSION=90100", "-Wl,--no-as-needed")
    cublas = site / "cublas" / "lib" / "libcublas.so.12"
    cublas.parent.mkdir(parents=True)
    cublas.write_bytes(stub(cublas.name))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    done = doctor(tmp_path, driver, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["python"] == str(tmp_path / "bin" / "python")
    assert {str(cudnn), str(cublas)} <= set(result["libraries"])


def test_engines_that_cannot_be_built_are_passed_over(environments: Path, driver: Path) -> None:
    done = doctor(environments / "v9", driver, fault="first-engine")
    assert done.returncode == 0, done.stderr
    assert "graph 2x32x16x16: passed" in done.stdout


def test_a_gpu_without_an_engine_for_the_graph_is_told(environments: Path, driver: Path) -> None:
    done = doctor(environments / "v9", driver, fault="no-engine")
    assert done.returncode == 0, done.stderr
    assert "note: no graph was run: the heuristic offers no engine" in done.stdout


def test_a_full_gpu_is_no_broken_installation(environments: Path, driver: Path) -> None:
    done = doctor(environments / "v9", driver, fault="full")
    assert done.returncode == 12, done.stderr
    assert "Stand-in 9000: its memory is full (1 of 81920 MB free)" in done.stderr


def test_a_hidden_gpu_is_blamed_on_the_variable(environments: Path, driver: Path) -> None:
    done = doctor(environments / "v9", driver, fault="no-gpu", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 12, done.stderr
    assert "CUDA_VISIBLE_DEVICES is '', which hides GPUs: unset it" in done.stderr


@pytest.mark.parametrize(
    ("number", "name", "told"),
    [
        ("91400", "libcudnn_graph.so.9.14.0", "parts of another cuDNN"),
        ("91002", "libcudnn_graph.so.9.10.2", "another copy of the same version"),
    ],
)
def test_a_part_of_another_copy_fails_the_run(driver: Path, tmp_path: Path, number: str, name: str, told: str) -> None:
    """What real cuDNN 9 does with an environment that lacks a part: the system's is taken, silently (C2)."""
    system = compiled(tmp_path / "system" / name, f"-DVERSION={number}")
    flags = ("-DVERSION=91002", "-Wl,--no-as-needed", f"-L{system.parent}", f"-l:{name}", f"-Wl,-rpath,{system.parent}")
    compiled(tmp_path / "env/lib/libcudnn.so.9", *flags)
    done = doctor(tmp_path / "env", driver)
    assert done.returncode == 13, done.stdout
    assert told in done.stderr
    assert str(system) in done.stderr


def test_a_part_of_another_copy_of_the_same_version_is_a_note_where_the_library_has_its_own(
    driver: Path, tmp_path: Path
) -> None:
    """A wheel has SONAMEs only: the full name, which the debs of the same version have, is opened first."""
    name = "libcudnn_graph.so.9.10.2"
    system = compiled(tmp_path / "system" / name, "-DVERSION=91002")
    flags = ("-DVERSION=91002", "-Wl,--no-as-needed", f"-L{system.parent}", f"-l:{name}", f"-Wl,-rpath,{system.parent}")
    compiled(tmp_path / "env/lib/libcudnn.so.9", *flags)
    compiled(tmp_path / "env/lib/libcudnn_graph.so.9", "-DVERSION=91002")
    done = doctor(tmp_path / "env", driver)
    assert done.returncode == 0, done.stderr
    assert f"note: parts of another copy of the same version: {system}" in done.stdout


def test_every_part_beside_the_library_is_loaded(driver: Path, tmp_path: Path) -> None:
    compiled(tmp_path / "env/lib/libcudnn.so.9", "-DVERSION=91002")
    part = compiled(tmp_path / "env/lib/libcudnn_adv.so.9", "-DVERSION=91002")
    done = doctor(tmp_path / "env", driver, "--json")
    assert done.returncode == 0, done.stderr
    assert str(part) in json.loads(done.stdout)["cudnn"]
    part.write_bytes(part.read_bytes()[:2000])
    broken = doctor(tmp_path / "env", driver)
    assert broken.returncode == 13
    assert "libcudnn_adv.so.9" in broken.stderr.replace("\n", " ")


def test_the_active_environment_is_the_one_that_is_run(environments: Path, driver: Path) -> None:
    done = doctor(None, driver, CONDA_PREFIX=str(environments / "v8"))
    assert done.returncode == 0, done.stderr
    assert "libcudnn.so.8 (cuDNN 8.9.7" in done.stdout


def test_a_library_of_another_processor_is_named_as_one(driver: Path, tmp_path: Path) -> None:
    path = compiled(tmp_path / "env/lib/libcudnn.so.9", "-DVERSION=91002")
    elf = path.read_bytes()
    path.write_bytes(elf[:18] + (183).to_bytes(2, "little") + elf[20:])
    done = doctor(tmp_path / "env", driver)
    assert done.returncode == 13
    assert "libcudnn.so.9: for aarch64, not for this machine" in done.stderr
