"""The frameworks that load cuDNN, as their wheels are laid out: which of their files asks for it, and how.

A row is data: project, the files that ask (below a folder of Python packages), whether they are linked with cuDNN or
open it when they need it, and what their Python code loads by itself. Which version a framework wants, a constant in
its files says, else its METADATA. All of it was read in the wheels of the package index (2026-11-28).
"""

from __future__ import annotations

from typing import NamedTuple


class Framework(NamedTuple):
    """A row.

    Attributes:
        project: as in ``PROJECT-VERSION.dist-info``; the first that is installed gives name and version.
        files: patterns below a folder of Python packages.
        linked: whether the files name ``libcudnn.so.N`` as NEEDED; else they open it by name.
        needed: whether it cannot be imported without; else it does without a GPU.
        plugin: project whose METADATA names the cuDNN where the framework's own does not.
        built: files that say which cuDNN it was built with or asks for, each with the name of the constant; empty for
            a header of cuDNN.
        preloads: when its Python code itself loads ``nvidia/cudnn/lib`` of a folder of Python packages: ``first``,
            ``else`` (only where the loader finds none), or what a program has to do for it; empty for never.
        trigger: a library of it; it loads by itself only where the loader lacks something that this one needs.
    """

    project: str
    files: tuple[str, ...]
    linked: bool = True
    needed: bool = True
    plugin: str = ""
    built: tuple[tuple[str, str], ...] = ()
    preloads: str = ""
    trigger: str = ""


WHEELS_FOLDER = "nvidia/cudnn/lib"
"""Where NVIDIA's wheels have the libraries, below a folder of Python packages."""
FRAMEWORKS = (
    Framework(
        "torch",
        ("torch/lib/libtorch_cuda*.so", "torch/lib/libtorch.so"),
        preloads="else",
        trigger="torch/lib/libtorch_global_deps.so",
    ),
    Framework(
        "tensorflow",
        ("tensorflow/libtensorflow_cc.so.2", "tensorflow/python/_pywrap_tensorflow_internal.so"),
        linked=False,
        needed=False,
        built=(
            ("tensorflow/include/third_party/gpus/cudnn/include/cudnn_version.h", ""),
            ("tensorflow/include/external/cuda_cudnn/include/cudnn_version.h", ""),
            ("tensorflow/python/platform/build_info.py", "cudnn_version"),
        ),
    ),
    Framework(
        "jax",
        ("jax_plugins/xla_cuda*/xla_cuda_plugin.so",),
        linked=False,
        needed=False,
        plugin="jax_cuda*_plugin",
        preloads="first",
    ),
    Framework(
        "onnxruntime_gpu",
        ("onnxruntime/capi/libonnxruntime_providers_cuda.so",),
        needed=False,
        preloads="call onnxruntime.preload_dlls() (1.21 and newer) before the first session, or import torch first",
    ),
    Framework("ctranslate2", ("ctranslate2/_ext*.so",)),
    Framework("cupy_cuda*", ("cupy_backends/cuda/libs/cudnn*.so", "cupy_backends/cuda/libs/_cnvrtc*.so")),
    Framework(
        "paddlepaddle_gpu",
        ("paddle/libs/libphi*.so", "paddle/base/libpaddle.so", "paddle/fluid/libpaddle.so"),
        linked=False,
        needed=False,
    ),
    Framework(
        "transformer_engine_cu*",
        (
            "transformer_engine/wheel_lib/libtransformer_engine.so",
            "transformer_engine/libtransformer_engine.so",
            "libtransformer_engine.so",
        ),
        built=(("transformer_engine/common/__init__.py", "MIN_CUDNN_VERSION"),),
        preloads="else",
    ),
    Framework("mxnet_cu*", ("mxnet/libmxnet.so",)),
)
