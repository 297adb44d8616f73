"""An environment that says its CUDA hears of wheels that are built for another one."""

from __future__ import annotations

import pytest

from cudepot.kinds.wheels.rules.other_cuda import built_for, other_cuda


@pytest.mark.parametrize(
    ("project", "version", "cuda"),
    [
        ("nvidia-cublas-cu12", "12.8.4.1", "12"),
        ("cupy-cuda13x", "13.6.0", "13"),
        ("nvidia-dali-cuda120", "1.50.0", "12"),
        ("torch", "2.9.1+cu130", "13"),
        ("flash-attn", "2.8.3+pt2.9.cu128", "12"),
        ("nvidia-cudnn-cu12", "9.10.2.21+acme.1", "12"),
        ("nvidia-cublas", "13.1.0.3", ""),
        ("torch", "2.9.1+cpu", ""),
        ("torch", "2.9.1", ""),
        ("focus", "12.0", ""),
    ],
)
def test_names_and_local_versions_tell_the_cuda(project: str, version: str, cuda: str) -> None:
    assert built_for(project, version) == cuda


def test_what_fits_or_says_nothing_is_no_note() -> None:
    assert other_cuda("train", "13.0", [("torch", "2.9.1+cu130"), ("numpy", "2.3.5"), ("cupy-cuda13x", "13.6")]) == ()
    assert other_cuda("train", "", [("nvidia-cublas-cu12", "12.8.4.1")]) == ()


def test_what_is_for_another_cuda_is_named_and_counted() -> None:
    several = [(f"nvidia-lib{number}-cu12", "12.8") for number in range(7)]
    (note,) = other_cuda("train", "13.0", [*several, *several])
    assert "environment train is for CUDA 13.0" in note
    assert "nvidia-lib4-cu12 and 2 more" in note
