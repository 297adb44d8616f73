"""The bounds of GPU and driver, against rows of NVIDIA's support matrices."""

from __future__ import annotations

import pytest

from cudepot.catalog.nvidia.support_matrix import first_release, lowest_capability, lowest_driver


@pytest.mark.parametrize(
    ("cudnn", "cuda", "lowest"),
    [
        ((7, 6), "9.0", (3, 0)),
        ((7, 6), "10.2", (3, 0)),
        ((8, 0), "10.2", (3, 0)),
        ((8, 2), "11.4", (3, 5)),
        ((8, 8), "11", (3, 5)),
        ((8, 8), "12", (5, 0)),
        ((8, 9), "11", (5, 0)),
        ((9, 10), "11", (5, 0)),
        ((9, 10), "12", (5, 0)),
        ((9, 11), "12", (7, 5)),
        ((9, 12), "13", (7, 5)),
        ((8, 2), "", (3, 0)),
    ],
)
def test_a_release_has_code_from_this_capability_on(cudnn: tuple[int, int], cuda: str, lowest: tuple[int, int]) -> None:
    assert lowest_capability(cudnn, cuda) == lowest


@pytest.mark.parametrize(
    ("cuda", "capability", "driver"),
    [
        ("9.0", (7, 0), (384, 111)),
        ("9.2", None, (396, 26)),
        ("10.0", None, (410, 48)),
        ("10.1", None, (418, 39)),
        ("10.2", None, (440, 33)),
        ("11.0", None, (450, 80)),
        ("11.8", (9, 0), (450, 80)),
        ("12", (9, 0), (525, 60)),
        ("12.9", (10, 0), (570, 26)),
        ("12.9", (12, 0), (570, 26)),
        ("13.0", (12, 0), (580, 65)),
        ("14", None, None),
        ("8.0", None, None),
    ],
)
def test_a_cuda_version_asks_for_this_driver(
    cuda: str, capability: tuple[int, int] | None, driver: tuple[int, int] | None
) -> None:
    assert lowest_driver(cuda, capability) == driver


@pytest.mark.parametrize(
    ("capability", "release", "name"),
    [
        ((3, 7), (7, 0), "Volta or older"),
        ((7, 0), (7, 0), "Volta or older"),
        ((7, 5), (7, 3), "Turing"),
        ((8, 6), (8, 0), "Ampere"),
        ((8, 9), (8, 6), "Ada and Hopper"),
        ((9, 0), (8, 6), "Ada and Hopper"),
        ((10, 0), (9, 7), "Blackwell"),
        ((12, 0), (9, 7), "Blackwell"),
    ],
)
def test_a_gpu_is_known_since(capability: tuple[int, int], release: tuple[int, int], name: str) -> None:
    assert first_release(capability) == (release, name)
