"""``doctor`` on the real wheels of frameworks and of cuDNN, compared with what the loader does with them.

CTranslate2 and jax's plugin (47 MB) are fetched by pip. The others are opt-in: ``CUDEPOT_REAL_WHEELS`` names a folder
that has what is to be looked at (4 GB in all); what is missing there is skipped:

    pip download --no-deps -d FOLDER torch==2.9.1 tensorflow==2.19.1 onnxruntime-gpu==1.23.2
    pip download --no-deps -d FOLDER transformer-engine-cu12==2.20.2 jax-cuda12-plugin==0.10.2
    pip download --no-deps -d FOLDER nvidia-cudnn-cu12==9.10.2.21 nvidia-cudnn-cu13==9.14.0.64
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from simulator.process import run

from cudepot.cli.main import main
from simulator import cudnn_trees as trees

FOLDER = Path(os.environ.get("CUDEPOT_REAL_WHEELS", "/nonexistent"))
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real-frameworks")]
SITE = f"lib/python3.{sys.version_info.minor}/site-packages"
ASKS = """
#include <stdio.h>
#include <string.h>
unsigned long cudnnGetVersion(void);
int main(void) {
    char line[4096];
    printf("%lu\\n", cudnnGetVersion());
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "libcudnn") && strstr(line, "r-xp")) fputs(strchr(line, '/'), stdout);
    return 0;
}
"""


def wheel(pattern: str) -> Path:
    """Return a wheel of the folder, or skip the test."""
    found = sorted(FOLDER.glob(pattern))
    if not found:
        pytest.skip(f"CUDEPOT_REAL_WHEELS names no folder with {pattern}")
    return found[-1]


def unpack(path: Path, site: Path, *parts: str) -> None:
    """Unpack those members of a wheel that have one of the texts in their name, and its metadata."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if ".dist-info/" in name or any(part in name for part in parts):
                archive.extract(name, site)


@pytest.fixture
def venv(tmp_path: Path) -> Iterator[Path]:
    """The site-packages of an empty venv; gone afterwards, as it may have gigabytes."""
    site = tmp_path / "venv" / SITE
    site.mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    yield site
    shutil.rmtree(tmp_path / "venv")


def looked_at(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    main(["doctor", "--json", "-q", *map(str, words)])
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def fetched(folder: Path, requirement: str) -> Path:
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", folder, requirement, env=os.environ)
    return next(folder.glob("*.whl"))


def test_the_dispatcher_in_ctranslate2_finds_no_parts_and_aborts(
    venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CTranslate2 #1826: its wheel of 4.6 has the first library of cuDNN 9.1.0 alone."""
    unpack(fetched(tmp_path / "wheels", "ctranslate2==4.6.0"), venv, "ctranslate2.libs/", "ctranslate2/_ext")
    (library,) = venv.glob("ctranslate2.libs/libcudnn-*.so.9.1.0")
    code = f"import ctypes; ctypes.CDLL({str(library)!r}).cudnnGetVersion()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Unable to load any of {libcudnn_graph.so.9.1.0" in done.stderr
    found = looked_at(capsys, "--prefix", tmp_path / "venv")
    (one,) = [one for one in found["findings"] if one["name"] == "parts-unreachable"]
    assert f"{library} finds none of libcudnn_adv" in one["what"]
    assert "pip install 'nvidia-cudnn-cu12==9.1.*'" in one["remedy"]
    assert [one["name"] for one in found["programs"]] == ["ctranslate2 4.6.0"]


def test_jax_says_in_its_plugin_which_cudnn_it_wants(
    venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unpack(fetched(tmp_path / "wheels", "jax-cuda12-plugin==0.10.2"), venv)
    (venv / "jax_plugins/xla_cuda12").mkdir(parents=True)  # jax-cuda12-pjrt, 190 MB
    (venv / "jax_plugins/xla_cuda12/xla_cuda_plugin.so").write_bytes(trees.library("xla_cuda_plugin.so"))
    trees.put_wheel(venv, (9, 1, 0))
    found = looked_at(capsys, "--prefix", tmp_path / "venv")
    (one,) = [one for one in found["findings"] if one["name"] == "too-old"]
    assert "needs cuDNN 9.8 and gets 9.1.0" in one["what"]
    assert one["remedy"] == "pip install 'nvidia-cudnn-cu12>=9.8,<10'"


class Framework(NamedTuple):
    """What of a wheel matters, and what doctor has to read of it."""

    pattern: str
    parts: tuple[str, ...]
    name: str
    lowest: list[int]
    why: str
    """How it gets NVIDIA's wheel; empty where it does not by itself."""


FRAMEWORKS = (
    Framework("torch-2.9.1-*", ("torch/lib/libtorch_cuda.so", "libtorch_global_deps.so"), "torch 2.9.1",
              [9, 10, 2, 21], "RPATH"),
    Framework("tensorflow-2.19.1-*", ("libtensorflow_cc.so.2", "third_party/gpus/cudnn/include/cudnn_version.h",
              "platform/build_info.py"), "tensorflow 2.19.1", [9, 3, 0], "RUNPATH"),
    Framework("transformer_engine_cu12-2.20.2-*", ("libtransformer_engine.so", "common/__init__.py"),
              "transformer_engine_cu12 2.20.2", [9, 12, 0], "loaded by its Python code"),
    Framework("onnxruntime_gpu-1.23.2-*", ("libonnxruntime_providers_cuda.so",), "onnxruntime_gpu 1.23.2", [9, 0], ""),
)  # fmt: skip


@pytest.mark.parametrize("row", FRAMEWORKS, ids=lambda one: one.name)
def test_frameworks_get_the_wheel_and_say_what_they_want(
    venv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Framework
) -> None:
    unpack(wheel(row.pattern), venv, *row.parts)
    trees.put_wheel(venv, (9, 14, 0))
    for name in ("cublas", "cuda_nvrtc"):
        trees.put_cuda(venv / "nvidia" / name / "lib")
    found = looked_at(capsys, "--prefix", tmp_path / "venv")
    (one,) = found["programs"]
    assert (one["name"], one["lowest"], one["why"]) == (row.name, row.lowest, row.why)
    assert one["path"] == (str(venv / "nvidia/cudnn/lib/libcudnn.so.9") if row.why else "")
    assert [each["name"] for each in found["findings"]] == ([] if row.why else ["not-loaded"])


def test_the_loader_does_not_find_cudnn_for_onnxruntime(venv: Path) -> None:
    unpack(wheel("onnxruntime_gpu-1.23.2-*"), venv, "libonnxruntime_providers_cuda.so")
    trees.put_wheel(venv, (9, 14, 0))
    provider = venv / "onnxruntime/capi/libonnxruntime_providers_cuda.so"
    assert "libcudnn.so.9 => not found" in run("ldd", provider).stdout


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Two real cuDNNs, as their wheels have them, and the second with full names, as debs have them."""
    found = {}
    for name, pattern in (("own", "nvidia_cudnn_cu12-9.10.2.21-*"), ("other", "nvidia_cudnn_cu13-9.14.0.64-*")):
        unpack(wheel(pattern), tmp_path / name, "/lib/")
        found[name] = tmp_path / name / "nvidia/cudnn/lib"
    found["full"] = tmp_path / "full"
    found["full"].mkdir()
    for one in found["other"].glob("libcudnn*.so.9"):
        (found["full"] / one.name).symlink_to(f"{one.name}.14.0")
        (found["full"] / f"{one.name}.14.0").hardlink_to(one)
    yield found
    for one in found.values():
        shutil.rmtree(one)


@pytest.mark.parametrize(
    ("gone", "led"),
    [("", ""), ("", "other"), ("libcudnn_graph.so.9", "other"), ("", "full"), ("libcudnn_graph.so.9", "")],
)
def test_real_parts_come_from_where_doctor_says(
    copies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gone: str,
    led: str,
) -> None:
    """cudnnGetVersion opens the graph library: whole, beside another version, and where the own one is missing."""
    (tmp_path / "main.c").write_text(ASKS)
    own = copies["own"]
    command = ["gcc", "-o", "program", "main.c", f"-Wl,-rpath,{own},--disable-new-dtags,--allow-shlib-undefined"]
    run(*command, own / "libcudnn.so.9", cwd=tmp_path)
    if gone:
        (own / gone).unlink()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(copies[led]) if led else "")
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=False)
    found = looked_at(capsys, "--quick", tmp_path / "program")
    (one,) = found["programs"]
    assert one["real"] == str(own / "libcudnn.so.9")
    (graph,) = [each for each in one["parts"] if each["stem"] == "libcudnn_graph"]
    mapped = [line for line in done.stdout.splitlines() if "libcudnn_graph" in line]
    assert mapped == [graph["real"]] * bool(graph["real"]), done
    assert (done.returncode == 0) == bool(graph["real"]), done  # without one the process is aborted
    names = {each["name"] for each in found["findings"] if each["severity"] == "error"}
    assert bool(names & {"missing-part", "foreign-part", "parts-unreachable", "missing-library"}) == bool(
        gone or led
    ), names
