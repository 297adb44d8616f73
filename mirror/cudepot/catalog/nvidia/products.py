"""What people call a package of NVIDIA's: cuDNN is `libcudnn9-cuda-12`, `nvidia-cudnn-cu12` and `cudnn` alike. Pure."""

from __future__ import annotations

import re

_FAMILIES = {
    "cuDNN": r"(?:nvidia-)?(?:lib)?cudnn(?!.*frontend).*",
    "NCCL": r"(?:nvidia-)?(?:lib)?nccl\d*(?!.*tests).*",
    "cuBLAS": r"(?:nvidia-)?(?:lib)?cublas(?!mp).*",
    "cuFFT": r"(?:nvidia-)?(?:lib)?cufft.*",
    "cuRAND": r"(?:nvidia-)?(?:lib)?curand.*",
    "cuSOLVER": r"(?:nvidia-)?(?:lib)?cusolver(?!mp).*",
    "cuSPARSE": r"(?:nvidia-)?(?:lib)?cusparse(?!lt).*",
    "cuSPARSELt": r"(?:nvidia-)?(?:lib)?cusparselt.*",
    "nvJitLink": r"(?:nvidia-)?(?:lib)?nvjitlink.*",
    "TensorRT": r"(?:lib)?(?:tensorrt|nvinfer|nvonnxparsers).*",
    "CUDA Toolkit": r"cuda-toolkit(?:-\d+-\d+)?|cudatoolkit",
    "Container Toolkit": r"nvidia-container-toolkit.*|libnvidia-container.*",
}
"""Name that people know → names of packages."""
_PATTERNS = {product: re.compile(pattern) for product, pattern in _FAMILIES.items()}


def product_of(package: str) -> str:
    """Return what people call the product a package belongs to; empty for one that is known by its own name.

    >>> product_of("libcudnn9-dev-cuda-12"), product_of("nvidia-nccl-cu12"), product_of("gcc-12")
    ('cuDNN', 'NCCL', '')
    """
    name = package.lower().replace("_", "-")
    return next((product for product, pattern in _PATTERNS.items() if pattern.fullmatch(name)), "")


def rank(product: str) -> int:
    """Return where a product is listed: those above in their order, then all others."""
    return [*_FAMILIES, product].index(product)
