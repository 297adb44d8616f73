"""The frameworks that load cuDNN, as their wheels are laid out: which of their files asks for it, and how.

A row is data: project, the files that ask (below a folder of Python packages), and whether they are linked with cuDNN
or open it when they need it. Which version a framework wants, its own METADATA says, or a constant named here.
"""

from __future__ import annotations

from typing import NamedTuple


class Framework(NamedTuple):
    """A row.

    Attributes:
        project: as in ``PROJECT-VERSION.dist-info``; the first that is installed gives name and version.
        files: patterns below a folder of Python packages.
        linked: whether the files name ``libcudnn.so.N`` as NEEDED; else they open it by name.
        plugin: project whose METADATA names the cuDNN where the framework's own does not.
    """

    project: str
    files: tuple[str, ...]
    linked: bool = True
    plugin: str = ""


FRAMEWORKS = (
    Framework("torch", ("torch/lib/libtorch_cuda*.so", "torch/lib/libtorch.so")),
    Framework(
        "tensorflow",
        ("tensorflow/libtensorflow_cc.so.2", "tensorflow/python/_pywrap_tensorflow_internal.so"),
        linked=False,
    ),
    Framework("jax", ("jax_plugins/xla_cuda*/xla_cuda_plugin.so",), linked=False, plugin="jax_cuda*_plugin"),
    Framework("onnxruntime_gpu", ("onnxruntime/capi/libonnxruntime_providers_cuda.so",)),
    Framework("ctranslate2", ("ctranslate2/_ext*.so",)),
    Framework("cupy_cuda*", ("cupy_backends/cuda/libs/cudnn*.so", "cupy_backends/cuda/libs/_cnvrtc*.so")),
    Framework("paddlepaddle_gpu", ("paddle/base/libpaddle.so", "paddle/fluid/libpaddle.so"), linked=False),
    Framework("transformer_engine_cu*", ("transformer_engine/libtransformer_engine.so", "libtransformer_engine.so")),
    Framework("mxnet_cu*", ("mxnet/libmxnet.so",)),
)
