"""``doctor`` on whole installations, and on ones broken in one way each: every fault named, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cudepot.catalog.doctor.values import Severity
from cudepot.cli.main import main
from cudepot.cli.progress import Silent
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.diagnose import diagnose
from simulator import cudnn_trees as trees

SITE = "lib/python3.11/site-packages"


def faults(root: Path, prefix: str = "", **environment: str) -> set[str]:
    """Return the names of errors and warnings on a machine whose root is a folder."""
    result = diagnose(Machine(root, environment), prefix, progress=Silent())
    return {one.name for one in result.findings if one.severity is not Severity.NOTE}


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    trees.conda(tmp_path / "opt" / "env")
    return tmp_path


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    trees.venv(tmp_path / "opt" / "env")
    trees.put_cuda(tmp_path / "usr/lib" / trees.TRIPLET)
    return tmp_path


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return trees.debian(tmp_path)


def test_whole_installations_have_no_faults(tmp_path: Path) -> None:
    root = trees.debian(tmp_path)
    trees.conda(tmp_path / "opt" / "conda")
    trees.venv(tmp_path / "opt" / "venv")
    assert faults(root) == set()
    assert faults(root, "/opt/conda") == set()
    assert faults(root, "/opt/venv") == set()
    copies = diagnose(Machine(root, {"CONDA_PREFIX": "/opt/conda", "VIRTUAL_ENV": "/opt/venv"})).copies
    assert {(one.prefix, one.kind, one.version(), one.cuda()) for one in copies} == {
        ("/usr", "system", (8, 0, 5), "11.1"),
        ("/opt/conda", "conda", (9, 10, 2), "12"),
        ("/opt/venv", "venv", (9, 10, 2), "12"),
    }


def _library(root: Path, name: str) -> Path:
    return root / "opt/env/lib" / name


def _cut(root: Path) -> None:
    path = _library(root, "libcudnn_ops.so.9.10.2")
    path.write_bytes(path.read_bytes()[:3000])


def _other_soname(root: Path) -> None:
    trees.put_cudnn(root / "other", (8, 9, 7))
    shutil.copy(root / "other/libcudnn.so.8.9.7", _library(root, "libcudnn.so.9.10.2"))


def _mixed_parts(root: Path) -> None:
    trees.put_cudnn(root / "other", (9, 1, 0))
    shutil.copy(root / "other/libcudnn_ops.so.9.1.0", _library(root, "libcudnn_ops.so.9.10.2"))


def _older_beside(root: Path) -> None:
    trees.put_cudnn(root / "opt/env/lib", (8, 9, 7))


def _no_zlib(root: Path) -> None:
    _library(root, "libz.so.1").unlink()


def _gone(name: str) -> Callable[[Path], None]:
    def breaks(root: Path) -> None:
        for path in (root / "opt/env/lib").glob(name):
            path.unlink()

    return breaks


def _without_links(root: Path) -> None:
    """As a copy leaves it that did not take links along."""
    for path in (root / "opt/env/lib").glob("libcudnn*"):
        if path.is_symlink():
            path.unlink()


def _circle(root: Path) -> None:
    _library(root, "libcudnn.so.9").unlink()
    _library(root, "libcudnn.so.9").symlink_to("libcudnn.so.9")


def _folder(root: Path) -> None:
    _library(root, "libcudnn_cnn.so.9.10.2").unlink()
    _library(root, "libcudnn_cnn.so.9.10.2").mkdir()


def _pointer(root: Path) -> None:
    """As git leaves it without the large files."""
    _library(root, "libcudnn_adv.so.9.10.2").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")


CONDA: tuple[tuple[Callable[[Path], None], set[str]], ...] = (
    (lambda root: _library(root, "libcudnn_adv.so.9.10.2").unlink(), {"dangling-link", "missing-file"}),
    (_cut, {"unreadable-library"}),
    (_gone("libcudnn_ops.so*"), {"missing-file"}),
    (_other_soname, {"soname-mismatch", "changed-file"}),
    (_mixed_parts, {"mixed-libraries", "changed-file"}),
    (_older_beside, {"header-mismatch"}),  # libcudnn.so, which compilers link with, leads to it
    (lambda root: trees.put_header(root / "opt/env/include", (9, 1, 0)), {"header-mismatch", "changed-file"}),
    (lambda root: trees.conda_meta(root / "opt/env", "9.12.0.46", files=False), {"package-mismatch"}),
    (_no_zlib, {"missing-zlib"}),
    (_gone("libcublas*"), {"missing-cublas"}),
    (_gone("libnvrtc*"), {"missing-nvrtc"}),
    (_gone("libcudnn*"), {"missing-file"}),
    (_gone("libcudnn.so*"), {"missing-file"}),
    (_without_links, {"missing-file"}),
    (_circle, {"dangling-link", "missing-file"}),
    (_folder, {"unreadable-library"}),
    (_pointer, {"unreadable-library"}),
    (lambda root: trees.conda_meta(root / "opt/env", "8.9.7.29", files=False), {"package-mismatch"}),
)


@pytest.mark.parametrize(("breaks", "names"), CONDA, ids=[" ".join(sorted(names)) for _, names in CONDA])
def test_a_broken_conda_environment_is_named(conda: Path, breaks: Callable[[Path], None], names: set[str]) -> None:
    breaks(conda)
    assert faults(conda, "/opt/env") == names


@pytest.mark.parametrize("option", ["--prefix", "--root"])
def test_a_folder_that_is_not_there_is_no_environment_without_cudnn(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        assert main(["doctor", option, str(tmp_path / name)]) == 3
        assert f"error E100: {tmp_path / name}: no such folder" in capsys.readouterr().err


def test_a_pip_upgrade_cut_short_leaves_two_records(venv: Path) -> None:
    (venv / "opt/env" / SITE / "nvidia_cudnn_cu12-8.9.7.29.dist-info").mkdir()
    (venv / "opt/env" / SITE / "nvidia_cudnn_frontend-1.14.0.dist-info").mkdir()
    assert faults(venv, "/opt/env") == {"package-mismatch"}


def test_wheels_for_two_cudas_overlap(venv: Path) -> None:
    site = venv / "opt/env" / SITE
    trees.record(site, "nvidia_cudnn_cu13-9.10.2.21", trees.recorded(site / "nvidia/cudnn"))
    assert faults(venv, "/opt/env") == {"mixed-cuda"}


def test_a_library_needed_by_name_is_asked_for_where_the_search_path_leads(venv: Path) -> None:
    folder = venv / "opt/env" / SITE / "nvidia/cudnn/lib"
    needy = trees.library("libcudnn_ops.so.9", (9, 10, 2), ("libcublas.so.12",), "$ORIGIN/../../elsewhere/lib")
    (folder / "libcudnn_ops.so.9").write_bytes(needy)
    for one in (venv / "usr/lib" / trees.TRIPLET).glob("libcublas*"):
        one.unlink()
    assert faults(venv, "/opt/env") == {"missing-cublas", "changed-file"}
    right = trees.library("libcudnn_ops.so.9", (9, 10, 2), ("libcublas.so.12",), "$ORIGIN/../../cublas/lib")
    (folder / "libcudnn_ops.so.9").write_bytes(right)
    assert faults(venv, "/opt/env") == {"changed-file"}


def test_libraries_of_another_cuda_are_not_the_ones_cudnn_opens(conda: Path) -> None:
    """Seen with cuDNN 8.9.7 for CUDA 12 on a machine with CUDA 13: it aborts for want of libcublasLt.so.12."""
    for one in ("libcublas.so.13", "libcublasLt.so.13", "libnvrtc.so.13", "libcublas.so.120"):
        (conda / "usr/lib" / trees.TRIPLET).mkdir(parents=True, exist_ok=True)
        (conda / "usr/lib" / trees.TRIPLET / one).write_bytes(trees.library(one))
    assert faults(conda, "/opt/env") == set()
    for path in (conda / "opt/env/lib").glob("libcublas*"):
        path.unlink()
    assert faults(conda, "/opt/env") == {"missing-cublas"}
    _gone("libnvrtc*")(conda)
    assert faults(conda, "/opt/env") == {"missing-cublas", "missing-nvrtc"}


def test_a_tar_in_a_folder_the_loader_does_not_know(tmp_path: Path) -> None:
    trees.put_cuda(tmp_path / "usr/lib" / trees.TRIPLET)
    trees.put_cudnn(tmp_path / "usr/local/cuda-12.1/lib64", (8, 9, 7), runpath="")
    (tmp_path / "usr/local/cuda").symlink_to("cuda-12.1")
    assert faults(tmp_path) == {"no-origin"}
    assert faults(tmp_path, LD_LIBRARY_PATH="/usr/local/cuda/lib64") == set()


def test_alternatives_that_lead_nowhere(debian: Path) -> None:
    (debian / "usr/include" / trees.TRIPLET / "cudnn_v8.h").unlink()
    assert faults(debian) == {"alternatives-broken", "missing-file"}


def test_alternatives_set_by_hand(debian: Path) -> None:
    trees.alternatives(debian, "manual", f"/usr/include/{trees.TRIPLET}/cudnn_v9.h")
    assert [one.name for one in diagnose(Machine(debian, {})).findings] == ["alternatives-manual"]
    assert faults(debian) == set()


def test_a_header_that_alternatives_took_away(debian: Path) -> None:
    (debian / "usr/include" / trees.TRIPLET / "cudnn_version_v8.h").unlink()
    assert faults(debian) == {"alternatives-broken", "header-missing", "missing-file"}


def test_debian_packages_whose_files_were_overwritten(debian: Path) -> None:
    trees.put_cudnn(debian / "usr/lib" / trees.TRIPLET, (8, 2, 1), runpath="")
    for old in (debian / "usr/lib" / trees.TRIPLET).glob("*.8.0.5"):
        old.unlink()
    assert faults(debian) == {"missing-file", "header-mismatch"}


@pytest.mark.skipif(os.geteuid() != 0, reason="ldconfig -r needs root")
def test_a_cache_that_names_what_is_gone(debian: Path) -> None:
    subprocess.run(["/sbin/ldconfig", "-r", debian], check=True)
    assert faults(debian) == set()
    trees.put_cudnn(debian / "opt/old", (7, 6, 5))
    (debian / "etc/ld.so.conf").write_text("/opt/old\n")
    subprocess.run(["/sbin/ldconfig", "-r", debian], check=True)
    shutil.rmtree(debian / "opt/old")
    assert faults(debian) == {"stale-cache"}


def _smi(folder: Path, line: str) -> None:
    folder.mkdir()
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\necho '{line}'\n")
    (folder / "nvidia-smi").chmod(0o755)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("NVIDIA H100, 470.82.01, 9.0", "driver-too-old"),
        ("NVIDIA GB200, 560.35.03, 10.0", "driver-too-old"),
        ("Tesla K40, 535.54.03, 3.5", "gpu-too-old"),
    ],
)
def test_driver_and_gpu_against_the_support_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, name: str
) -> None:
    prefix = trees.conda(tmp_path / "env")
    _smi(tmp_path / "bin", line)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    assert main(["doctor", "--prefix", str(prefix), "--json"]) == 13
    result = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in result["findings"] if one["severity"] != "note"] == [name]


def test_a_gpu_newer_than_the_library_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trees.put_cudnn(tmp_path / "env/lib", (8, 0, 5))
    trees.put_cuda(tmp_path / "env/lib")
    _smi(tmp_path / "bin", "NVIDIA H100, 570.82.01, 9.0")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "env/lib"))
    assert main(["doctor", "--prefix", str(tmp_path / "env")]) == 0
    assert "warning gpu-too-new: NVIDIA H100 has compute capability 9.0; cuDNN 8.0.5" in capsys.readouterr().out


def test_a_library_for_another_processor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prefix = trees.conda(tmp_path / "env")
    path = prefix / "lib/libcudnn_cnn.so.9.10.2"
    elf = path.read_bytes()
    path.write_bytes(elf[:18] + (183).to_bytes(2, "little") + elf[20:])
    assert main(["doctor", "--prefix", str(prefix)]) == 13
    out = capsys.readouterr().out
    assert f"error wrong-machine: {prefix}/lib/libcudnn_cnn.so.9: for aarch64, this machine is x86_64" in out
    assert out.count("error ") == 2, out
    assert "changed-file" in out


def test_version_7_says_its_version_in_code(tmp_path: Path) -> None:
    trees.put_cudnn(tmp_path / "opt/env/lib", (7, 6, 5))
    (tmp_path / "opt/env/lib/libcudnn.so.7").unlink()
    (tmp_path / "opt/env/lib/libcudnn.so.7.6.5").rename(tmp_path / "opt/env/lib/libcudnn.so.7")
    assert diagnose(Machine(tmp_path, {}), "/opt/env").copies[0].version() == (7, 6, 5)


def test_a_link_that_leaves_the_image_stays_inside(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {})
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/up").symlink_to("../../../../etc/passwd")
    assert machine.real("/usr/up") == "/etc/passwd"
    assert not machine.exists("/usr/up")
    (tmp_path / "usr/circle").symlink_to("circle")
    assert not machine.exists("/usr/circle")


def test_every_finding_is_documented() -> None:
    top = Path(__file__).parents[2]
    rules = "".join(one.read_text() for one in (top / "mirror/cudepot/catalog/doctor").glob("*.py"))
    names = set(re.findall(r'(?:ERROR|WARNING|NOTE)[^"]{0,60}, "([a-z-]+)"', rules)) | set(
        re.findall(r'"(missing-\w+)"', rules)
    )
    assert len(names) > 25, names
    page = (top / "docs/doctor.md").read_text()
    assert [one for one in sorted(names) if f"`{one}`" not in page] == []


def test_a_pipe_in_place_of_a_file_is_named_and_not_waited_for(conda: Path) -> None:
    library = next((conda / "opt/env").rglob("libcudnn.so*"))
    header = next((conda / "opt/env").rglob("cudnn_version.h"))
    for one in (library, header):
        real = one.resolve()
        real.unlink()
        os.mkfifo(real)
    assert {"unreadable-library", "header-missing"} <= faults(conda, "/opt/env")
