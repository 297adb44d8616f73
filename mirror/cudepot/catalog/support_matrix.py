"""Which GPU and driver a cuDNN is made for: NVIDIA's support matrices as lower bounds.

Sources: docs.nvidia.com, support matrices in the archives of cuDNN 7.6 to 9.17; the floor of 7.5 for CUDA 12
builds since 9.11 from conda-forge's feedstock. The release that first knows an architecture was not looked up anew.
"""

from __future__ import annotations

Pair = tuple[int, int]
_DRIVERS = {"10": (418, 39), "11": (450, 80), "12": (525, 60), "13": (580, 65)}
"""Lowest Linux driver by the major version of CUDA: minor versions of one major are compatible."""
_BLACKWELL_DRIVER = (570, 26)
_FIRST = (
    (10, 0, (9, 7), "Blackwell"),
    (8, 9, (8, 6), "Ada and Hopper"),
    (8, 0, (8, 0), "Ampere"),
    (7, 5, (7, 3), "Turing"),
)


def lowest_driver(cuda: str, capability: Pair | None) -> Pair | None:
    """Return the lowest driver for a CUDA version like ``12`` or ``11.1`` on a GPU; None when it is not known."""
    major = cuda.partition(".")[0]
    if major == "12" and capability and capability >= (10, 0):
        return _BLACKWELL_DRIVER
    return _DRIVERS.get(major)


def lowest_capability(cudnn: Pair, cuda: str) -> Pair:
    """Return the lowest compute capability a cuDNN has code for."""
    if cudnn >= (9, 11) or cuda.startswith("13"):
        return (7, 5)
    if cudnn >= (8, 9) or cuda.startswith("12"):
        return (5, 0)
    return (3, 5) if cudnn >= (8, 0) and not cuda.startswith("10") else (3, 0)


def first_release(capability: Pair) -> tuple[Pair, str]:
    """Return the cuDNN release that first knows a GPU of a compute capability, and the architecture's name."""
    for major, minor, release, name in _FIRST:
        if capability >= (major, minor):
            return release, name
    return (7, 0), "Volta or older"
