"""What ``init --closed`` pins beside cuDNN: cuBLAS and NVRTC of the CUDA that is meant, for all platforms at once."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from cudepot.catalog.nvidia.cuda_components import CudaComponents
from cudepot.catalog.nvidia.first_companions import companions
from cudepot.catalog.nvidia.first_pins import Meant
from cudepot.errors import ConfigError

KNOWN = CudaComponents({
    ("cublas", "11.3.0.106"): "11.1",
    ("cublas", "11.11.3.6"): "11.8",
    ("nvrtc", "11.8.89"): "11.8",
    ("cublas", "12.9.1.4"): "12.9",
    ("cublas", "12.9.2.10"): "12.9",
    ("nvrtc", "12.9.86"): "12.9",
    ("cublas", "13.10.0.20"): "13.5",
    ("nvrtc", "13.5.37"): "13.5",
    ("cublas", "13.0.2.14"): "13.0",
})  # fmt: skip


def pins(*releases: Meant) -> list[dict[str, Any]]:
    return list(tomllib.loads(companions(KNOWN, releases))["pin"])


BLAS, RTC = "nvidia-cublas", "nvidia-cuda-nvrtc"


@pytest.mark.parametrize(
    ("version", "cuda", "expected"),
    [
        ("9.12.0.46", "12", {f"{BLAS}-cu12==12.9.2.10": "libcublas", f"{RTC}-cu12==12.9.86": "cuda-nvrtc"}),
        ("9.28.0.42", "13", {f"{BLAS}==13.10.0.20": "libcublas", f"{RTC}==13.5.37": "cuda-nvrtc"}),
        ("9.28.0.42", "13.0", {f"{BLAS}==13.0.2.14": "libcublas", f"{RTC}==13.0.*": "cuda-nvrtc"}),
        ("8.0.5.39", "11.1", {f"{BLAS}-cu11==11.3.0.106": "cudatoolkit"}),
        ("8.9.7.29", "11", {f"{BLAS}-cu11==11.11.3.6": "cudatoolkit", f"{RTC}-cu11==11.8.89": "cuda-nvrtc"}),
    ],
)
def test_each_cuda_has_its_own(version: str, cuda: str, expected: dict[str, str]) -> None:
    found = pins(Meant("ubuntu2204/x86_64", version, cuda))
    assert {one["packages"][0]: one["recipe"] for one in found} == expected
    assert all(one["outputs"] == ["mirror", "conda"] for one in found)


def test_what_several_need_is_pinned_once_for_all_their_platforms() -> None:
    one, two = Meant("ubuntu2204/x86_64", "9.12.0.46", "12"), Meant("ubuntu2204/sbsa", "9.27.0.42", "12")
    found = pins(one, two)
    assert len(found) == 2
    assert found[0]["subdirs"] == ["linux-64", "linux-aarch64"]


def test_older_cudas_have_none() -> None:
    with pytest.raises(ConfigError, match="no wheels of cuBLAS for CUDA 10"):
        pins(Meant("ubuntu1804/x86_64", "8.0.5.39", "10.2"))
