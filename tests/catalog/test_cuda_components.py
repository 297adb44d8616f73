"""Which CUDA releases of cuBLAS and NVRTC belong to."""

from __future__ import annotations

import pytest

from cudepot.catalog.nvidia.cuda_components import CudaComponents
from cudepot.catalog.nvidia.cuda_variant import is_cuda_variant
from cudepot.depot.nvidia_catalog import load_components
from cudepot.errors import ConfigError


@pytest.mark.parametrize(
    ("component", "version", "cuda"),
    [
        ("cublas", "13.1.0.3", "13.0"),  # of cuda-toolkit 13.0.2, libcublas-13-0
        ("cublas", "13.1.1.3", "13.0"),
        ("cublas", "13.2.0.9", "13.1"),
        ("cublas", "13.10.0.20", "13.5"),
        ("cublas", "12.9.1.4", "12.9"),
        ("cublas", "11.11.3.6", "11.8"),
        ("cublas", "11.3.0.106", "11.1"),
        ("cublas", "10.2.1.243", "10.1"),
        ("cublas", "10.1.0.105", "10.1"),
        ("cublas", "13.6.2.16", "13.3"),  # a patch outside the toolkit, beside 13.6.0.2 of 13.3
        ("cublas", "13.99.0.1", ""),
        ("cublas", "11.5.9.9", ""),  # 11.5.1 is CUDA 11.3's, 11.5.2 is 11.4's
        ("nvrtc", "13.0.88", "13.0"),
        ("nvrtc", "12.3.107", "12.3"),
        ("nvrtc", "14.1.7", "14.1"),
    ],
)
def test_what_belongs_to_which_cuda(component: str, version: str, cuda: str) -> None:
    assert load_components().cuda_of(component, version) == cuda


def test_nvrtc_is_numbered_as_its_cuda() -> None:
    known = load_components().known
    assert all(version.startswith(f"{cuda}.") for (one, version), cuda in known.items() if one == "nvrtc")


def test_one_release_belongs_to_one_cuda() -> None:
    rows = [{"version": one, "cublas": ["1.2.3.4"]} for one in ("1.0", "1.1")]
    with pytest.raises(ConfigError, match="two CUDA versions"):
        CudaComponents.from_dict({"schema": 1, "cuda": rows})


@pytest.mark.parametrize(
    ("name", "cuda", "fits"),
    [
        ("libcublas-13-0", "13.0", True),
        ("cuda-nvrtc-dev-13-0", "13", True),
        ("libcublas-13-0", "13.1", False),
        ("libcublas13-cuda-13", "13.1", True),
        ("libcublas13-cuda-13", "12", False),
        ("libcublas10", "10.2", False),
    ],
)
def test_names_of_packages_say_their_cuda(name: str, cuda: str, fits: bool) -> None:
    assert is_cuda_variant(name, "13.1.0.3-1", cuda) is fits
