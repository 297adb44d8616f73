"""``doctor`` on the layouts people have: working ones are silent, and each reported breakage is named (C1 to C15)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cudepot.catalog.doctor.values import Finding, Severity
from cudepot.cli.progress import Silent
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.diagnose import Diagnosis, diagnose
from simulator import cudnn_trees as trees

SITE = "lib/python3.11/site-packages"
LIBRARIES = f"usr/lib/{trees.TRIPLET}"


def look(root: Path, prefix: str = "", **environment: str) -> Diagnosis:
    return diagnose(Machine(root, environment), prefix, progress=Silent())


def bad(root: Path, prefix: str = "", **environment: str) -> list[str]:
    """Return the names of errors and warnings."""
    return sorted({one.name for one in look(root, prefix, **environment).findings if one.severity is not Severity.NOTE})


def only(root: Path, prefix: str = "", **environment: str) -> Finding:
    (one,) = [one for one in look(root, prefix, **environment).findings if one.severity is not Severity.NOTE]
    return one


def venv(root: Path, version: tuple[int, ...] = (9, 10, 2), where: str = "opt/venv") -> Path:
    """Return the site-packages of a venv with torch and the cuDNN it asks for, on a machine with zlib."""
    trees.venv(root / where, version)
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(root / where / SITE)
    return root / where / SITE


# ---- what works is silent


def colab(root: Path) -> dict[str, str]:
    """CUDA and cuDNN by debs, frameworks by pip in /usr/local, LD_LIBRARY_PATH to the driver."""
    trees.debian(root, (9, 2, 1), "9.2.1.18-1")
    site = root / "usr/local/lib/python3.11/dist-packages"
    trees.put_wheel(site)
    trees.put_cuda(site / "nvidia/cublas/lib")
    trees.put_torch(site)
    return {"LD_LIBRARY_PATH": "/usr/lib64-nvidia"}


def ngc(root: Path) -> dict[str, str]:
    """An NGC-like image: debs, torch built against them, cuda-compat first in LD_LIBRARY_PATH."""
    trees.debian(root, (9, 14, 0), "9.14.0.64-1")
    site = root / "usr/local/lib/python3.11/dist-packages"
    trees.put_torch(site, runpath="/usr/local/cuda/lib64", asks="9.14.0.64")
    (root / "usr/local/cuda-13.0/compat").mkdir(parents=True)
    return {"LD_LIBRARY_PATH": "/usr/local/cuda/compat/lib:/usr/local/nvidia/lib64"}


def module(root: Path) -> dict[str, str]:
    """An HPC module: a tar below /opt, reached by LD_LIBRARY_PATH alone."""
    trees.put_cuda(root / LIBRARIES)
    trees.put_cudnn(root / "opt/apps/cudnn/9.10.2/lib", runpath="")
    return {"LD_LIBRARY_PATH": "/opt/apps/cudnn/9.10.2/lib/"}


def conda_with_pip(root: Path) -> dict[str, str]:
    """conda's cuDNN, and pip's beside it for a framework: they write different folders."""
    trees.conda(root / "opt/conda")
    trees.put_wheel(root / "opt/conda" / SITE, (9, 10, 2), "12")
    trees.put_torch(root / "opt/conda" / SITE)
    return {"CONDA_PREFIX": "/opt/conda"}


def leftovers(root: Path) -> dict[str, str]:
    """Old full file names that nothing asks for, beside a whole wheel."""
    site = venv(root)
    (site / "nvidia/cudnn/lib/libcudnn_cnn_infer.so.8").write_bytes(trees.library("libcudnn_cnn_infer.so.8", (8, 9, 7)))
    (site / "nvidia/cudnn/lib/libcudnn_ops.so.9.1.0").write_bytes(trees.library("libcudnn_ops.so.9", (9, 1, 0)))
    return {"VIRTUAL_ENV": "/opt/venv"}


def own_folder(root: Path) -> dict[str, str]:
    """LD_LIBRARY_PATH names the environment's own folder, with a slash at the end."""
    venv(root)
    return {"VIRTUAL_ENV": "/opt/venv", "LD_LIBRARY_PATH": f"/opt/venv/{SITE}/nvidia/cudnn/lib/"}


def seven_and_eight(root: Path) -> dict[str, str]:
    """libcudnn7 for CUDA 10.2 beside libcudnn8 for 11.1, as NVIDIA's guide has people install them."""
    trees.debian(root)
    folder = root / LIBRARIES
    trees.put_cudnn(folder, (7, 6, 5), runpath="")
    trees.dpkg(root, "libcudnn7", "7.6.5.32-1+cuda10.2", sorted(folder.glob("libcudnn.so.7*")))
    for link in folder.glob("libcudnn*.so"):
        link.unlink()
    return {}


def docker_torch(root: Path) -> dict[str, str]:
    """An image with torch in /opt/conda; nothing on PATH says so."""
    trees.put_cuda(root / LIBRARIES)
    trees.conda(root / "opt/conda")
    (root / "opt/conda" / SITE).mkdir(parents=True)
    trees.put_torch(root / "opt/conda" / SITE, runpath="$ORIGIN:$ORIGIN/../../../..")
    return {}


def user_site(root: Path) -> dict[str, str]:
    """pip install --user, in root's home."""
    trees.put_cuda(root / LIBRARIES)
    trees.put_wheel(root / "root/.local" / SITE)
    trees.put_cuda(root / "root/.local" / SITE / "nvidia/cublas/lib")
    trees.put_torch(root / "root/.local" / SITE)
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    return {}


def same_version_twice(root: Path) -> dict[str, str]:
    """The wheel and the debs are of one version: a wheel has SONAMEs only, so the debs' full names are taken."""
    trees.debian(root, (9, 10, 2), "9.10.2.21-1")
    venv(root)
    return {"VIRTUAL_ENV": "/opt/venv"}


def absolute_links(root: Path) -> dict[str, str]:
    """/usr/local/cuda leads over /etc/alternatives by absolute links, which stay inside an image."""
    trees.put_cuda(root / LIBRARIES)
    trees.put_cudnn(root / "usr/local/cuda-12.4/lib64", (9, 1, 0))
    (root / "etc/alternatives").mkdir(parents=True)
    (root / "etc/alternatives/cuda").symlink_to("/usr/local/cuda-12.4")
    (root / "usr/local/cuda").symlink_to("/etc/alternatives/cuda")
    return {}


WORKING = (
    colab, ngc, module, conda_with_pip, leftovers, own_folder, seven_and_eight, docker_torch, user_site,
    same_version_twice, absolute_links,
)  # fmt: skip


@pytest.mark.parametrize("layout", WORKING, ids=lambda one: one.__name__)
def test_a_machine_that_works_is_not_talked_about(tmp_path: Path, layout: Callable[[Path], dict[str, str]]) -> None:
    environment = layout(tmp_path)
    result = look(tmp_path, **environment)
    assert result.copies
    assert list(result.findings) == []


# ---- which cuDNN a program loads


def test_each_copy_has_its_owner_and_those_who_get_it(tmp_path: Path) -> None:
    trees.debian(tmp_path, (9, 2, 1), "9.2.1.18-1")
    venv(tmp_path)
    result = look(tmp_path, VIRTUAL_ENV="/opt/venv")
    owners = {one.folder: [str(package) for package in one.packages] for one in result.copies}
    wheel = f"/opt/venv/{SITE}/nvidia/cudnn/lib"
    assert owners[wheel] == ["wheel nvidia-cudnn-cu12 9.10.2.21"]
    assert owners[f"/{LIBRARIES}"] == ["deb libcudnn9 9.2.1.18-1"]
    taken = {one.name: (one.path, one.why) for one in result.programs}
    assert taken["torch 2.9.1"] == (f"{wheel}/libcudnn.so.9", "RUNPATH")
    assert taken["programs that ask the loader"][0] == f"/{LIBRARIES}/libcudnn.so.9"


def test_the_older_one_in_ld_library_path_is_the_one_torch_gets(tmp_path: Path) -> None:
    """The failure reported most: torch bundles 8.7, LD_LIBRARY_PATH has 8.2 (C5)."""
    site = tmp_path / "opt/venv" / SITE
    trees.put_torch(site, "libcudnn.so.8", "$ORIGIN", "8.7.0.84")
    trees.put_cudnn(site / "torch/lib", (8, 7, 0))
    trees.put_cuda(site / "torch/lib", "11", "11.2")
    trees.put_cudnn(tmp_path / "opt/cudnn/lib", (8, 2, 1))
    (tmp_path / "opt/venv/pyvenv.cfg").write_text("")
    trees.put_cuda(tmp_path / LIBRARIES, "11", "11.2")
    one = only(tmp_path, VIRTUAL_ENV="/opt/venv", LD_LIBRARY_PATH="/opt/cudnn/lib")
    assert (one.name, one.severity) == ("shadowed", Severity.ERROR)
    assert "/opt/cudnn/lib/libcudnn.so.8 (8.2.1), not" in one.what
    assert "torch/lib/libcudnn.so.8" in one.what
    assert bad(tmp_path, VIRTUAL_ENV="/opt/venv") == []


def test_a_newer_one_in_ld_library_path_is_a_warning(tmp_path: Path) -> None:
    venv(tmp_path)
    trees.put_cudnn(tmp_path / "srv/new", (9, 14, 0))
    one = only(tmp_path, VIRTUAL_ENV="/opt/venv", LD_LIBRARY_PATH="/srv/new")
    assert (one.name, one.severity) == ("shadowed", Severity.WARNING)


def test_a_cudnn_older_than_the_framework_asks_for(tmp_path: Path) -> None:
    """Two versions in one environment: the one that is loaded counts (C13)."""
    trees.conda(tmp_path / "opt/env")
    trees.put_torch(tmp_path / "opt/env" / SITE, runpath="$ORIGIN/../../../..", asks="9.14.0.64")
    one = only(tmp_path, "/opt/env")
    assert one.name == "too-old"
    assert "torch 2.9.1 of /opt/env needs cuDNN 9.14.0.64 and gets 9.10.2: /opt/env/lib/" in one.what


def test_a_framework_whose_cudnn_is_nowhere(tmp_path: Path) -> None:
    site = venv(tmp_path)
    shutil.rmtree(site / "nvidia/cudnn")
    shutil.rmtree(next(site.glob("nvidia_cudnn*")))
    assert bad(tmp_path, "/opt/venv") == ["no-cudnn", "not-found"]


def test_a_library_bundled_under_another_name_needs_its_parts(tmp_path: Path) -> None:
    """ctranslate2 bundles the first library of cuDNN 9 alone (C5)."""
    site = tmp_path / "opt/venv" / SITE
    trees.put_mangled(site)
    trees.put_cuda(tmp_path / LIBRARIES)
    (tmp_path / "opt/venv/pyvenv.cfg").write_text("")
    one = only(tmp_path, "/opt/venv")
    assert (one.name, one.severity) == ("parts-unreachable", Severity.ERROR)
    assert "ctranslate2 4.6.0 of /opt/venv" in one.what
    assert "pip install 'nvidia-cudnn-cu12==9.1.*'" in one.remedy
    trees.put_wheel(site, (9, 1, 0))
    assert bad(tmp_path, "/opt/venv", LD_LIBRARY_PATH=f"/opt/venv/{SITE}/nvidia/cudnn/lib") == []
    (copy, *_) = [one for one in look(tmp_path, "/opt/venv").copies if "ctranslate2" in one.folder]
    assert [str(one) for one in copy.packages] == ["wheel ctranslate2 4.6.0"]


@pytest.mark.parametrize("how", ["LD_LIBRARY_PATH", "ld.so.conf"])
def test_what_only_the_loader_knows_is_a_copy(tmp_path: Path, how: str) -> None:
    """An environment module's folder, and one in ld.so.conf.d (C4)."""
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / "opt/module/lib", runpath="")
    if how == "ld.so.conf":
        if os.geteuid():
            pytest.skip("ldconfig -r needs root")
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/ld.so.conf").write_text("/opt/module/lib\n")
        subprocess.run(["/sbin/ldconfig", "-r", tmp_path], check=True)
    result = look(tmp_path, **({"LD_LIBRARY_PATH": "/opt/module/lib"} if how == "LD_LIBRARY_PATH" else {}))
    assert [one.folder for one in result.copies] == ["/opt/module/lib"]
    assert [(one.why, one.path) for one in result.programs] == [
        ("ld.so.cache" if how == "ld.so.conf" else how, "/opt/module/lib/libcudnn.so.9")
    ]
    assert result.findings == ()


# ---- is that copy whole


@pytest.mark.parametrize("part", ["engines_precompiled", "engines_runtime_compiled", "cnn", "heuristic"])
def test_a_part_of_another_release_is_found_by_its_hash(tmp_path: Path, part: str) -> None:
    """Five of the eight parts carry no version (C1)."""
    site = venv(tmp_path)
    name = f"libcudnn_{part}.so.9"
    other = trees.library(name, (9, 19, 0), ("libz.so.1", "libcudnn_graph.so.9"), "$ORIGIN")
    (site / "nvidia/cudnn/lib" / name).write_bytes(other + b"\0")
    one = only(tmp_path, "/opt/venv")
    assert one.name in ("changed-file", "mixed-libraries")
    assert name in one.what
    assert one.remedy == "pip install --force-reinstall --no-deps nvidia-cudnn-cu12==9.10.2.21"


def test_zeroed_pages_are_found(tmp_path: Path) -> None:
    path = venv(tmp_path) / "nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9"
    data = bytearray(path.read_bytes())
    data[-64:] = bytes(64)
    path.write_bytes(data if bytes(data) != path.read_bytes() else bytes(len(data)))
    assert bad(tmp_path, "/opt/venv") in (["changed-file"], ["unreadable-library"])


def test_sizes_alone_are_compared_when_it_has_to_be_quick(tmp_path: Path) -> None:
    path = venv(tmp_path) / "nvidia/cudnn/include/cudnn_version.h"
    path.write_text(path.read_text().replace("PATCHLEVEL 2", "PATCHLEVEL 2 "))
    names = {one.name for one in diagnose(Machine(tmp_path, {}), "/opt/venv").findings}
    assert names == {"changed-file"}
    path.write_text(path.read_text().replace("PATCHLEVEL 2 ", "PATCHLEVEL 3"))
    assert {one.name for one in diagnose(Machine(tmp_path, {}), "/opt/venv").findings} == {"header-mismatch"}


def test_a_part_that_is_missing_is_taken_from_another_copy(tmp_path: Path) -> None:
    """The first library opens full names first, so a newer system copy fills the gap (C2, C8)."""
    site = venv(tmp_path)
    (site / "nvidia/cudnn/lib/libcudnn_graph.so.9").unlink()
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 14, 0), runpath="")
    names = bad(tmp_path, VIRTUAL_ENV="/opt/venv")
    assert names[:2] == ["foreign-part", "missing-file"]
    (one,) = [one for one in look(tmp_path, VIRTUAL_ENV="/opt/venv").findings if one.name == "foreign-part"]
    assert f"/{LIBRARIES}/libcudnn_graph.so.9 (9.14.0)" in one.what


def test_a_part_that_the_version_does_not_have_is_taken_from_a_newer_system(tmp_path: Path) -> None:
    """pytorch #185512, #188892: 9.20's graph library opens libcudnn_engines_tensor_ir, which its wheel lacks (C8)."""
    site = venv(tmp_path, (9, 20, 0))
    assert bad(tmp_path, VIRTUAL_ENV="/opt/venv") == []
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 22, 0), runpath="")
    for name in ("engines_tensor_ir", "ext"):
        path = tmp_path / LIBRARIES / f"libcudnn_{name}.so.9"
        path.write_bytes(trees.library(path.name, (9, 22, 0), ("libz.so.1",)))
    one = only(tmp_path, VIRTUAL_ENV="/opt/venv")
    assert one.name == "foreign-part"
    assert f"/{LIBRARIES}/libcudnn_engines_tensor_ir.so.9 (9.22.0)" in one.what
    assert str(site.relative_to(tmp_path)) in one.what
    assert one.remedy == "pip install --no-deps 'nvidia-cudnn-cu12>=9.21,<10'"


def test_recorded_but_gone_is_installed_again_by_force(tmp_path: Path) -> None:
    """Another package's uninstall removed the files: pip answers «already satisfied» (C12)."""
    site = venv(tmp_path)
    shutil.rmtree(site / "nvidia/cudnn")
    one = next(one for one in look(tmp_path, "/opt/venv").findings if one.name == "missing-file")
    assert "wheel nvidia-cudnn-cu12 9.10.2.21 records files that are gone" in one.what
    assert one.remedy == "pip install --force-reinstall --no-deps nvidia-cudnn-cu12==9.10.2.21"


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ((9, 20, 0), []),
        ((9, 21, 1), ["libcudnn_engines_tensor_ir.so.9"]),
        ((9, 24, 0), ["libcudnn_engines_tensor_ir.so.9", "libcudnn_ext.so.9"]),
    ],
)
def test_new_parts_are_expected_of_new_versions(tmp_path: Path, version: tuple[int, ...], names: list[str]) -> None:
    """Without a record the version says which parts there have to be (C8)."""
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / "opt/env/lib", version)
    found = [one.what for one in look(tmp_path, "/opt/env").findings if one.name == "missing-part"]
    assert [name in what for what in found for name in names] == [True] * len(names)
    assert len(found) == bool(names)


def test_one_cut_library_is_one_finding(tmp_path: Path) -> None:
    """However many links and records name it (C15)."""
    trees.conda(tmp_path / "opt/env")
    path = tmp_path / "opt/env/lib/libcudnn_ops.so.9.10.2"
    path.write_bytes(path.read_bytes()[:3000])
    one = only(tmp_path, "/opt/env")
    assert one.name == "unreadable-library"
    assert one.remedy == "conda install --force-reinstall libcudnn=9.10.2.21"
