"""``doctor`` on what is around a cuDNN (driver, compat library, headers) and on running processes (C6, C13)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.workflows.test_doctor_layouts import LIBRARIES, bad, only

from cudepot.cli.main import main
from simulator import cudnn_trees as trees

# ---- does it fit what is around it


def smi(folder: Path, *, answers: dict[str, str], status: int = 0) -> None:
    """Write an nvidia-smi that answers a query of some fields, and refuses others in NVIDIA's words."""
    folder.mkdir()
    cases = "".join(
        f"  *--query-gpu={fields}\\ *) echo '{line}'; exit {status};;\n" for fields, line in answers.items()
    )
    refused = "  *) echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2;;\n"
    (folder / "nvidia-smi").write_text(f'#!/bin/sh\ncase "$* " in\n{cases}{refused}esac\n')
    (folder / "nvidia-smi").chmod(0o755)


def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *options: str, **environment: str) -> int:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return main(["doctor", "--prefix", str(tmp_path / "env"), *options])


def test_a_driver_that_does_not_know_compute_cap_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drivers up to R470 refuse the query, where an old driver matters most (C6)."""
    trees.conda(tmp_path / "env")
    smi(tmp_path / "bin", answers={"name,driver_version": "Tesla T4, 470.82.01"})
    assert doctor(monkeypatch, tmp_path) == 13
    assert "error driver-too-old: driver 470.82 is older than 525.60, which CUDA 12 requires" in capsys.readouterr().out


def test_a_failing_nvidia_smi_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trees.conda(tmp_path / "env")
    said = "Failed to initialize NVML: Driver/library version mismatch"
    smi(tmp_path / "bin", answers={"name,driver_version,compute_cap": said, "name,driver_version": said}, status=18)
    assert doctor(monkeypatch, tmp_path) == 13
    assert f"error driver-fails: nvidia-smi: {said}" in capsys.readouterr().out


def test_cuda_compat_in_place_of_the_driver_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.conda(tmp_path / "env")
    smi(tmp_path / "bin", answers={"name,driver_version,compute_cap": "Tesla T4, 470.82.01, 7.5"})
    compat = tmp_path / "cuda-12.4/compat"
    compat.mkdir(parents=True)
    (compat / "libcuda.so.550.54.15").write_bytes(trees.library("libcuda.so.1"))
    (compat / "libcuda.so.1").symlink_to("libcuda.so.550.54.15")
    assert doctor(monkeypatch, tmp_path) == 13
    assert doctor(monkeypatch, tmp_path, LD_LIBRARY_PATH=str(compat)) == 0


@pytest.mark.parametrize("where", ["usr/local/cuda/include", "usr/include"])
def test_headers_of_another_version_on_the_compilers_path(tmp_path: Path, where: str) -> None:
    """Left behind by a tar: what is compiled takes them (C13)."""
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 10, 2), runpath="")
    trees.put_header(tmp_path / where, (8, 2, 1))
    assert bad(tmp_path) == ["header-mismatch"]


def test_a_cudnn_h_of_7_beside_a_version_header_of_8(tmp_path: Path) -> None:
    trees.put_cuda(tmp_path / LIBRARIES, "11", "11.2")
    trees.put_cudnn(tmp_path / LIBRARIES, (8, 2, 1), runpath="")
    trees.put_header(tmp_path / "usr/include", (8, 2, 1))
    trees.put_header(tmp_path / "usr/include", (7, 6, 5), "cudnn.h")
    one = only(tmp_path)
    assert "/usr/include/cudnn.h is 7.6.5, cudnn_version.h next to it 8.2.1" in one.what


# ---- a running process


def test_a_process_that_mixes_two_versions_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trees.put_cudnn(tmp_path / "one", (9, 10, 2))
    trees.put_cudnn(tmp_path / "two", (9, 14, 0))
    (tmp_path / "libz.so.1").write_bytes(trees.library("libz.so.1"))
    program = (
        "import ctypes, sys, time\n"
        "for one in sys.argv[1:]: ctypes.CDLL(one, mode=ctypes.RTLD_GLOBAL)\n"
        "print('loaded', flush=True); time.sleep(600)\n"
    )
    libraries = [tmp_path / "libz.so.1", tmp_path / "one/libcudnn_graph.so.9", tmp_path / "two/libcudnn_ops.so.9"]
    with subprocess.Popen([sys.executable, "-c", program, *libraries], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "loaded\n"
            assert main(["doctor", "--pid", str(process.pid), "--json"]) == 13
            result = json.loads(capsys.readouterr().out)
            assert [one["name"] for one in result["findings"]] == ["mixed-process"]
            assert {Path(path).parent.name for path, _ in result["files"]} == {"one", "two"}
            (tmp_path / "one/libcudnn_graph.so.9.10.2").unlink()
            main(["doctor", "--pid", str(process.pid)])
            assert "warning replaced-since" in capsys.readouterr().out
        finally:
            process.kill()


def test_a_process_without_cudnn_and_one_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--pid", str(os.getpid())]) == 0
    assert "has not loaded cuDNN yet" in capsys.readouterr().out
    with subprocess.Popen(["true"]) as gone:
        pass
    assert main(["doctor", "--pid", str(gone.pid)]) == 3
    assert f"process {gone.pid}: No such" in capsys.readouterr().err


def test_a_link_for_compilers_that_leads_to_another_major_than_the_header(tmp_path: Path) -> None:
    """8 was unpacked over 9: programs find both, but what is compiled gets the header of one and links the other."""
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 10, 2), runpath="")
    trees.put_header(tmp_path / "usr/include", (9, 10, 2))
    assert bad(tmp_path) == []
    trees.put_cudnn(tmp_path / LIBRARIES, (8, 9, 7), runpath="")
    one = only(tmp_path)
    assert one.what == f"/usr/include/cudnn_version.h is 9.10.2, /{LIBRARIES}/libcudnn.so leads to 8.9.7"
    link = tmp_path / LIBRARIES / "libcudnn.so"
    assert one.remedy == f"ln -sfn libcudnn.so.9 /{LIBRARIES}/libcudnn.so"
    subprocess.run(["ln", "-sfn", "libcudnn.so.9", link], check=True)
    assert bad(tmp_path) == []


def test_compat_where_nvidias_images_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NGC: /usr/local/cuda/compat/lib.real."""
    trees.conda(tmp_path / "env")
    smi(tmp_path / "bin", answers={"name,driver_version,compute_cap": "Tesla T4, 470.82.01, 7.5"})
    compat = tmp_path / "cuda-12.4/compat/lib.real"
    compat.mkdir(parents=True)
    (compat / "libcuda.so.550.54.15").write_bytes(trees.library("libcuda.so.1"))
    (compat / "libcuda.so.1").symlink_to("libcuda.so.550.54.15")
    assert doctor(monkeypatch, tmp_path, LD_LIBRARY_PATH=str(compat)) == 0
