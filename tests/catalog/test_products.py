"""What the page calls packages and distributions, whatever an ecosystem calls them."""

from __future__ import annotations

import pytest

from cudepot.catalog.nvidia.products import product_of, rank
from cudepot.workflows.publish.page_targets import distribution


@pytest.mark.parametrize(
    ("product", "names"),
    [
        ("cuDNN", ("libcudnn8-dev", "libcudnn9-cuda-12", "nvidia-cudnn-cu12", "nvidia_cudnn_cu13", "cudnn")),
        ("NCCL", ("libnccl2", "libnccl-devel", "nvidia-nccl-cu12", "nccl")),
        ("cuBLAS", ("libcublas-12-6", "nvidia-cublas-cu12", "nvidia-cublas", "libcublas")),
        ("Container Toolkit", ("nvidia-container-toolkit-base", "libnvidia-container1")),
        ("CUDA Toolkit", ("cuda-toolkit-12-6", "cuda-toolkit", "cudatoolkit")),
        ("", ("nvidia-cudnn-frontend", "gcc-12", "cuda-keyring", "nccl-tests", "numpy")),
    ],
)  # fmt: skip
def test_one_product_has_many_names(product: str, names: tuple[str, ...]) -> None:
    assert {name: product_of(name) for name in names} == dict.fromkeys(names, product)


def test_products_come_before_other_packages() -> None:
    assert sorted(["zlib", "cuBLAS", "cuDNN"], key=rank) == ["cuDNN", "cuBLAS", "zlib"]


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("ubuntu2204-x86_64", "Ubuntu 22.04"), ("rhel9-x86_64", "RHEL 9"), ("debian12", "Debian 12"),
        ("sles15-sbsa", "SLES 15"), ("noble", "Ubuntu 24.04"), ("wsl-ubuntu-x86_64", "wsl-ubuntu-x86_64"),
    ],
)  # fmt: skip
def test_distributions_are_called_as_people_do(folder: str, shown: str) -> None:
    assert distribution(folder) == shown
