"""Which packages of one table are for one machine."""

from __future__ import annotations

import pytest

from cudepot.catalog.nvidia.cuda_variant import cuda_major
from cudepot.kinds.rules.together import apart, together

Called = tuple[str, str]


def same(one: Called) -> Called:
    return one


A, B = ("a", "1"), ("b", "1")
DNN11, DEV11 = ("libcudnn8", "8.0.5-1+cuda11.1"), ("libcudnn8-dev", "8.0.5-1+cuda11.1")
DNN10, DEV10 = ("libcudnn8", "8.0.5-1+cuda10.2"), ("libcudnn8-dev", "8.0.5-1+cuda10.2")
DNN110 = ("libcudnn8", "8.0.5-1+cuda11.0")


@pytest.mark.parametrize(
    ("packages", "sets", "others"),
    [
        ([], [], []),
        ([A, B], [[A, B]], []),
        ([A, ("a", "2"), B], [[B]], []),
        ([A, DNN11, DEV11], [[A, DNN11, DEV11]], []),
        ([A, DNN11, DNN10, DEV11, DEV10], [[A, DNN11, DEV11], [A, DNN10, DEV10]], [A]),
        ([DNN11, DNN110, DEV11], [[DEV11]], []),
        ([("t-cuda-11", "1"), ("t-cuda-12", "1")], [[("t-cuda-11", "1")], [("t-cuda-12", "1")]],
         [("t-cuda-11", "1"), ("t-cuda-12", "1")]),
    ],
)  # fmt: skip
def test_a_machine_has_one_cuda_and_one_version_of_each(
    packages: list[Called], sets: list[list[Called]], others: list[Called]
) -> None:
    assert together(packages, same) == sets
    assert apart(packages, same) == others


@pytest.mark.parametrize(
    ("name", "version", "major"),
    [
        ("libcudnn8", "8.0.5.39-1+cuda11.1", "11"), ("libcudnn8", "8.0.5.39-1.cuda11.1", "11"),
        ("libcudnn9-cuda-12", "9.0-1", "12"), ("cuda-toolkit-12-6", "12.6.1-1", "12"), ("libcublas-13-0", "13.0", "13"),
        ("tool-cuda12", "1", "12"), ("tool-cu118", "1", "11"), ("cuda-drivers", "580.1-1", ""), ("gcc-12", "12.2", ""),
    ],
)  # fmt: skip
def test_the_cuda_that_a_package_says(name: str, version: str, major: str) -> None:
    assert cuda_major(name, version) == major
