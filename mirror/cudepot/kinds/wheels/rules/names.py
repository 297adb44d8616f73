"""What NVIDIA calls its wheels now, for pins of names it has given up or only reserved. Pure.

From CUDA 13 on the libraries of the CUDA toolkit have no suffix: ``nvidia-cublas``, where it was
``nvidia-cublas-cu12``. Of the old names with ``-cu13`` there are placeholders only.
"""

from __future__ import annotations

import re

_TOOLKIT = frozenset((
    "cublas", "cuda-cccl", "cuda-crt", "cuda-cupti", "cuda-cuxxfilt", "cuda-nvcc", "cuda-nvrtc", "cuda-opencl",
    "cuda-profiler-api", "cuda-runtime", "cuda-sanitizer-api", "cufft", "cufile", "curand", "cusolver", "cusparse",
    "npp", "nvfatbin", "nvjitlink", "nvjpeg", "nvml-dev", "nvptxcompiler", "nvtx", "nvvm",
))  # fmt: skip
"""Parts of the toolkit, as the requirements of ``cuda-toolkit`` name them."""
_BY_CUDA = frozenset(("cudnn", "cudnn-jit", "cusparselt", "nccl", "nvshmem"))
"""What keeps a name for each major version of CUDA."""
_SUFFIXED = re.compile(r"nvidia-(?P<part>.+)-cu(?P<cuda>\d+)")


def called_now(project: str) -> str:
    """Return in a sentence what a project of NVIDIA's is called now; empty where its name is right or not known."""
    found = _SUFFIXED.fullmatch(project)
    if found and int(found["cuda"]) >= 13 and found["part"] in _TOOLKIT:
        return f"for CUDA {found['cuda']} it is called nvidia-{found['part']}"
    if project.removeprefix("nvidia-") in _BY_CUDA and project.startswith("nvidia-"):
        return f"its name includes the CUDA version: {project}-cu12, {project}-cu13"
    if project == "nvidia-pyindex":
        return "NVIDIA's wheels are now on the usual index: remove the pin"
    return ""
