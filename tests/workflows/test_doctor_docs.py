"""The breakages of docs/doctor.md: each is made, and doctor prints what the page says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.workflows.test_doctor_layouts import LIBRARIES, SITE, look, venv

from cudepot.cli.doctor import words
from simulator import cudnn_trees as trees

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


def shadowed(root: Path) -> dict[str, str]:
    site = root / "opt/venv" / SITE
    trees.put_torch(site, "libcudnn.so.8", "$ORIGIN", "8.7.0.84")
    trees.put_cudnn(site / "torch/lib", (8, 7, 0))
    trees.put_cudnn(root / "opt/cudnn/lib", (8, 2, 1))
    trees.put_cuda(root / LIBRARIES, "11", "11.2")
    (root / "opt/venv/pyvenv.cfg").write_text("")
    return {"LD_LIBRARY_PATH": "/opt/cudnn/lib"}


def changed_file(root: Path) -> dict[str, str]:
    path = venv(root) / "nvidia/cudnn/lib/libcudnn_cnn.so.9"
    path.write_bytes(path.read_bytes() + b"\0")
    return {}


def missing_file(root: Path) -> dict[str, str]:
    shutil.rmtree(venv(root) / "nvidia/cudnn")
    return {}


def foreign_part(root: Path) -> dict[str, str]:
    (venv(root) / "nvidia/cudnn/lib/libcudnn_heuristic.so.9").unlink()
    trees.put_cudnn(root / LIBRARIES, (9, 14, 0), runpath="")
    return {}


def parts_unreachable(root: Path) -> dict[str, str]:
    trees.put_mangled(root / "opt/venv" / SITE)
    trees.put_cuda(root / LIBRARIES)
    (root / "opt/venv/pyvenv.cfg").write_text("")
    return {}


def too_old(root: Path) -> dict[str, str]:
    trees.conda(root / "opt/venv")
    trees.put_torch(root / "opt/venv" / SITE, runpath="$ORIGIN/../../../..", asks="9.14.0.64")
    return {}


def mixed_cuda(root: Path) -> dict[str, str]:
    site = venv(root)
    trees.record(site, "nvidia_cudnn_cu13-9.10.2.21", trees.recorded(site / "nvidia/cudnn"))
    return {}


def not_found(root: Path) -> dict[str, str]:
    trees.put_torch(root / "opt/venv" / SITE)
    (root / "opt/venv/pyvenv.cfg").write_text("")
    return {}


def header_mismatch(root: Path) -> dict[str, str]:
    trees.put_cuda(root / LIBRARIES)
    trees.put_cudnn(root / LIBRARIES, (9, 10, 2), runpath="")
    trees.put_header(root / "usr/local/cuda/include", (8, 2, 1))
    return {}


def unreadable_library(root: Path) -> dict[str, str]:
    path = venv(root) / "nvidia/cudnn/lib/libcudnn_ops.so.9"
    path.write_bytes(path.read_bytes()[:20])
    return {}


BREAKAGES = (
    shadowed, changed_file, missing_file, foreign_part, parts_unreachable, too_old, mixed_cuda, not_found,
    header_mismatch, unreadable_library,
)  # fmt: skip


def said(root: Path, layout: Callable[[Path], dict[str, str]]) -> str:
    environment = layout(root)
    wanted = layout.__name__.replace("_", "-")
    found = look(root, VIRTUAL_ENV="/opt/venv", **environment).findings
    return "\n".join(next(words(one) for one in found if one.name == wanted))


@pytest.mark.parametrize("layout", BREAKAGES, ids=lambda one: one.__name__)
def test_the_page_has_doctors_own_words(tmp_path: Path, layout: Callable[[Path], dict[str, str]]) -> None:
    blocks = re.findall(r"```text\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
    assert said(tmp_path, layout) in blocks
