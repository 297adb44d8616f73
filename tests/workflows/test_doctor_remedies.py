"""``doctor``'s commands: a fault is told once, and the package named is the one that brings the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.workflows.test_doctor_layouts import LIBRARIES, SITE, look, only, venv

from cudepot.catalog.doctor.remedies import right_headers
from cudepot.catalog.doctor.values import Copy, Header, Package, Recorded
from cudepot.cli.progress import Silent
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.diagnose import diagnose
from simulator import cudnn_trees as trees

WORTH_A_BAR = 64 << 20  # bytes


class Told(Silent):
    """What a bar is told."""

    total = 0

    def __init__(self) -> None:
        self.pieces: list[int] = []

    def begin(self, label: str, total: int, files: int = 0) -> None:
        self.total = total

    def advance(self, done: int, files: int = 0) -> None:
        self.pieces.append(done)


def meta_package(prefix: Path) -> None:
    """Write conda's ``cudnn``, which since 9.10 has no files and asks for ``libcudnn``."""
    said = {"name": "cudnn", "version": "9.10.2.21", "build": "h0_0", "depends": ["libcudnn"], "files": []}
    (prefix / "conda-meta/cudnn-9.10.2.21-h0_0.json").write_text(json.dumps(said))


def test_the_package_that_has_the_file_is_installed_again_not_the_one_that_asks_for_it(tmp_path: Path) -> None:
    prefix = trees.conda(tmp_path / "opt/env")
    meta_package(prefix)
    assert look(tmp_path, "/opt/env").findings == ()
    path = prefix / "lib/libcudnn_cnn.so.9.10.2"
    path.write_bytes(path.read_bytes()[:1000])
    one = only(tmp_path, "/opt/env")
    assert (one.name, one.remedy) == ("unreadable-library", "conda install --force-reinstall libcudnn=9.10.2.21")


def test_a_part_that_is_gone_and_that_others_need_is_told_once(tmp_path: Path) -> None:
    site = venv(tmp_path)
    (site / "nvidia/cudnn/lib/libcudnn_graph.so.9").unlink()
    one = only(tmp_path, "/opt/venv")
    assert one.name == "missing-file"


def test_a_part_that_others_need_comes_with_cudnn_itself(tmp_path: Path) -> None:
    """Without a record: no package manager has a ``libcudnn_graph.so.9`` of its own."""
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 10, 2), runpath="")
    for one in (tmp_path / LIBRARIES).glob("libcudnn_graph*"):
        one.unlink()
    (missing,) = [one for one in look(tmp_path).findings if one.name == "missing-library"]
    assert missing.remedy.startswith("no package has a record of it: remove ")


def test_headers_of_the_system_belong_to_its_libraries_not_to_a_wheel_of_its_python(tmp_path: Path) -> None:
    """Colab: debs of one version, a wheel of another in /usr/local, both right."""
    trees.debian(tmp_path, (9, 2, 1), "9.2.1.18-1")
    site = tmp_path / "usr/local/lib/python3.11/dist-packages"
    trees.put_wheel(site)
    trees.put_cuda(site / "nvidia/cublas/lib")
    trees.conda(tmp_path / "opt/conda")
    trees.put_wheel(tmp_path / "opt/conda" / SITE, (9, 14, 0))
    assert look(tmp_path, CONDA_PREFIX="/opt/conda").findings == ()
    trees.put_header(tmp_path / "usr/include", (9, 10, 2), "cudnn_version.h.new")
    (tmp_path / "usr/include/cudnn_version.h.new").rename(tmp_path / "usr/include/cudnn_version.h")
    assert [one.name for one in look(tmp_path).findings if one.name.startswith("header")] == ["header-mismatch"]


def test_a_file_with_several_names_and_records_is_hashed_once(tmp_path: Path) -> None:
    """As conda and uv link environments to their caches; the bar says how much there is to hash."""
    for name in ("one", "two"):
        trees.conda(tmp_path / f"opt/conda/envs/{name}")
    big = tmp_path / "opt/conda/envs/one/lib/libcudnn_cnn.so.9.10.2"
    with big.open("ab") as stream:
        stream.truncate(WORTH_A_BAR)
    other = tmp_path / "opt/conda/envs/two/lib/libcudnn_cnn.so.9.10.2"
    other.unlink()
    other.hardlink_to(big)
    for name in ("one", "two"):
        trees.conda_meta(tmp_path / f"opt/conda/envs/{name}", "9.10.2.21")
    told = Told()
    assert diagnose(Machine(tmp_path, {}), progress=told).findings == ()
    assert sum(told.pieces) == told.total
    assert WORTH_A_BAR <= told.total < 2 * WORTH_A_BAR
    other.unlink()
    other.write_bytes(b"\x7fELF")
    assert [one.name for one in look(tmp_path).findings] == ["unreadable-library"]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("deb", "apt-get install libcudnn9-dev-cuda-12=9.14.0.64-1"),
        ("rpm", "dnf install libcudnn9-dev-cuda-12-9.14.0.64-1"),
    ],
)
def test_headers_of_an_older_dev_package_come_with_the_runtimes_version(kind: str, remedy: str) -> None:
    header = Header("/usr/include/cudnn_version.h", "/usr/include/cudnn_version_v9.h", (9, 10, 2))
    older = Package(kind, "libcudnn9-dev-cuda-12", "9.10.2.21-1", "12", "/usr", (Recorded(header.real),))
    runtime = Package(kind, "libcudnn9-cuda-12", "9.14.0.64-1", "12", "/usr", (Recorded("/usr/lib64/libcudnn.so.9"),))
    copy = Copy("/usr/lib64", "/usr", "system", (), (runtime,))
    assert right_headers(header, [copy], [runtime, older]) == remedy
