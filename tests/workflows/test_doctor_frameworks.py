"""``doctor`` on what frameworks state of the cuDNN they want, and on those whose own Python code loads it.

The files and lines are those of the wheels on the package index: tensorflow 2.19.1, jax-cuda12-plugin 0.10.2,
jax-cuda12-pjrt 0.12.0.1, transformer-engine-cu12 2.20.2, onnxruntime-gpu 1.23.2, torch 2.9.1.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.workflows.test_doctor_layouts import LIBRARIES, SITE, bad, look, only

from cudepot.catalog.doctor.records import requirement, stated
from cudepot.catalog.doctor.values import Severity
from simulator import cudnn_trees as trees

BESIDE = "$ORIGIN/../../nvidia/cudnn/lib"


def empty_venv(root: Path, version: tuple[int, ...] = (9, 1, 0)) -> Path:
    """Return the site-packages of a venv with NVIDIA's wheel of a version."""
    trees.venv(root / "opt/venv", version)
    trees.put_cuda(root / LIBRARIES)
    return root / "opt/venv" / SITE


def jax(site: Path) -> str:
    asks = "Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.8; sys_platform == 'linux' and extra == 'with-cuda'\n"
    trees.record(site, "jax_cuda12_plugin-0.10.2", [], asks)
    trees.put_framework(site, "jax-0.10.2", "jax_plugins/xla_cuda12/xla_cuda_plugin.so", runpath=BESIDE)
    return "jax 0.10.2 of /opt/venv needs cuDNN 9.8 and gets 9.1.0"


def tensorflow(site: Path) -> str:
    trees.put_header(site / "tensorflow/include/third_party/gpus/cudnn/include", (9, 3, 0))
    trees.put_framework(
        site, "tensorflow-2.19.1", "tensorflow/libtensorflow_cc.so.2", runpath="$ORIGIN/../nvidia/cudnn/lib"
    )
    return "tensorflow 2.19.1 of /opt/venv needs cuDNN 9.3.0 and gets 9.1.0"


def transformer_engine(site: Path) -> str:
    path = "transformer_engine/wheel_lib/libtransformer_engine.so"
    trees.put_framework(site, "transformer_engine_cu12-2.20.2", path, "libcudnn.so.9")
    (site / "transformer_engine/common").mkdir()
    (site / "transformer_engine/common/__init__.py").write_text("MIN_CUDNN_VERSION = (9, 12, 0)\n")
    return "transformer_engine_cu12 2.20.2 of /opt/venv needs cuDNN 9.12.0 and gets 9.1.0"


@pytest.mark.parametrize("framework", [jax, tensorflow, transformer_engine], ids=lambda one: one.__name__)
def test_what_a_framework_states_is_what_it_needs(tmp_path: Path, framework: Callable[[Path], str]) -> None:
    what = framework(empty_venv(tmp_path))
    one = only(tmp_path, "/opt/venv")
    assert one.name == "too-old"
    assert what in one.what
    assert one.remedy.startswith("pip install 'nvidia-cudnn-cu12>=")


@pytest.mark.parametrize("framework", [jax, tensorflow, transformer_engine], ids=lambda one: one.__name__)
def test_a_cudnn_that_is_new_enough_is_silent(tmp_path: Path, framework: Callable[[Path], str]) -> None:
    framework(empty_venv(tmp_path, (9, 14, 0)))
    assert look(tmp_path, "/opt/venv").findings == ()


def test_the_wheel_a_framework_names_is_the_one_to_install(tmp_path: Path) -> None:
    site = tmp_path / "opt/venv" / SITE
    (tmp_path / "opt/venv").mkdir(parents=True)
    (tmp_path / "opt/venv/pyvenv.cfg").touch()
    trees.put_framework(
        site,
        "torch-2.11.0",
        "torch/lib/libtorch_cuda.so",
        "libcudnn.so.9",
        metadata="Requires-Dist: nvidia-cudnn-cu13==9.19.0.56; platform_system == 'Linux'\n",
    )
    (one,) = [one for one in look(tmp_path, "/opt/venv").findings if one.name == "not-found"]
    assert one.remedy == "pip install 'nvidia-cudnn-cu13>=9.19.0.56,<10'"


def test_jax_loads_its_wheel_before_the_loader_is_asked(tmp_path: Path) -> None:
    """Whatever LD_LIBRARY_PATH says, and without a search path in the plugin."""
    site = empty_venv(tmp_path, (9, 10, 2))
    trees.put_framework(site, "jax-0.10.2", "jax_plugins/xla_cuda12/xla_cuda_plugin.so")
    trees.put_cudnn(tmp_path / "srv/same", (9, 10, 2))
    (one,) = look(tmp_path, "/opt/venv", LD_LIBRARY_PATH="/srv/same").programs
    assert (one.path, one.why) == (f"/opt/venv/{SITE}/nvidia/cudnn/lib/libcudnn.so.9", "loaded by its Python code")


def test_torch_finds_wheels_that_are_in_another_folder_of_packages(tmp_path: Path) -> None:
    """torch in the system's folder, NVIDIA's wheels by ``pip install --user``: its search path leads nowhere."""
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_torch(tmp_path / "usr/local/lib/python3.11/dist-packages")
    trees.put_wheel(tmp_path / "root/.local" / SITE)
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3").touch()
    assert bad(tmp_path) == []


def onnxruntime(root: Path) -> Path:
    site = empty_venv(root, (9, 10, 2))
    path = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
    asks = "Requires-Dist: nvidia-cudnn-cu12~=9.0; extra == 'cudnn'\n"
    trees.put_framework(site, "onnxruntime_gpu-1.23.2", path, "libcudnn.so.9", metadata=asks)
    return site


def test_onnxruntime_does_not_find_the_wheel_by_itself(tmp_path: Path) -> None:
    """Its provider has no search path: it is imported, and runs on the CPU (onnxruntime 1.18 to 1.23)."""
    site = onnxruntime(tmp_path)
    one = only(tmp_path, "/opt/venv")
    assert (one.name, one.severity) == ("not-loaded", Severity.WARNING)
    assert f"/opt/venv/{SITE}/nvidia/cudnn/lib/libcudnn.so.9" in one.what
    assert one.remedy.startswith("call onnxruntime.preload_dlls()")
    assert bad(tmp_path, "/opt/venv", LD_LIBRARY_PATH=f"/opt/venv/{SITE}/nvidia/cudnn/lib") == []
    trees.put_torch(site)
    assert [(one.name, one.severity) for one in look(tmp_path, "/opt/venv").findings] == [("not-loaded", Severity.NOTE)]


def test_onnxruntime_without_any_cudnn_runs_on_the_cpu(tmp_path: Path) -> None:
    site = tmp_path / "opt/venv" / SITE
    trees.put_framework(
        site, "onnxruntime_gpu-1.23.2", "onnxruntime/capi/libonnxruntime_providers_cuda.so", "libcudnn.so.9"
    )
    (one,) = [one for one in look(tmp_path, "/opt/venv").findings if one.name == "not-found"]
    assert one.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("nvidia-cudnn-cu12==9.10.2.21; platform_system == 'Linux'", ("nvidia-cudnn-cu12", (9, 10, 2, 21))),
        ("nvidia-cudnn-cu12 ==9.3.0.75 ; extra == 'and-cuda'", ("nvidia-cudnn-cu12", (9, 3, 0, 75))),
        ("nvidia-cudnn-cu13<10.0,>=9.12.0.46; extra == 'with-cuda'", ("nvidia-cudnn-cu13", (9, 12, 0, 46))),
        ("nvidia-cudnn-cu11 (==8.5.0.96)", ("nvidia-cudnn-cu11", (8, 5, 0, 96))),
        ("nvidia_cudnn_cu12~=9.0; extra == 'cudnn'", ("nvidia-cudnn-cu12", (9, 0))),
        ("nvidia-cudnn-cu12; python_version >= '3.9'", None),
        ("nvidia-cudnn-frontend>=1.2", None),
    ],
)
def test_requirements_as_wheels_write_them(line: str, found: tuple[str, tuple[int, ...]] | None) -> None:
    assert requirement(f"Metadata-Version: 2.1\nRequires-Dist: {line}\n\nRequires-Dist: nvidia-cudnn-cu9==1\n") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MIN_CUDNN_VERSION = (9, 12, 0)\n", (9, 12, 0)),
        ("x = OrderedDict([('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True)])", (9,)),
        ('build_info = {"cudnn_version": "8.6"}', (8, 6)),
        ("cudnn_version = None", None),
        ("cudnn_version = '64_9.dll'", None),
        ("", None),
    ],
)
def test_constants_as_frameworks_write_them(text: str, found: tuple[int, ...] | None) -> None:
    assert stated(text, "MIN_CUDNN_VERSION" if "MIN" in text else "cudnn_version") == found
