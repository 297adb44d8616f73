"""Which GPU and driver a cuDNN is made for: NVIDIA's support matrices as lower bounds.

Looked up on docs.nvidia.com, below ``deeplearning/cudnn/``. Where nothing was found the lower bound is the one of the
release before, so that a warning is missed rather than a false one given.

- ``archives/cudnn_760``, ``archives/cudnn-803``: 7.5.1 to 7.6.5 from Kepler (3.x) on; 8.0 with CUDA 10.x from SM 3.0,
  with CUDA 11.0 from SM 3.5; drivers for CUDA 9.0 to 10.2, each its own.
- ``archives/cudnn-822``: 8.1 to 8.2.2 as 8.0. Of 8.3 to 8.8 no page with capabilities was found.
- ``archives/cudnn-891``, ``-896``, ``backend/v9.0.0``, ``v9.5.1``: 5.0 to 9.0 for CUDA 11 and 12; Linux drivers
  450.80.02 and 525.60.13 for all their minor versions.
- ``latest`` as of 9.10.2: 5.0 to 12.0; Blackwell (10.0, 12.0) with CUDA 12.8 and driver 570.26 on. 9.5.1 has none;
  NVIDIA's TransformerEngine (pull request 2775) knows it from 9.7 on, the first release for CUDA 12.8.
- ``archives`` for 9.17.0: CUDA 13 with driver 580.65.06. CUDA 13 has no code before Turing; that the builds for CUDA
  12 have none since 9.11 is said by conda-forge's cudnn-feedstock (issue 124).
- Ada and Hopper: from 8.6 on, the first release for CUDA 11.8, the first toolkit that knows them. Ampere: 8.0, the
  first for CUDA 11. Turing: 7.3, the first for CUDA 10.0 (``cudnn-archived/cudnn_764``).
"""

from __future__ import annotations

Pair = tuple[int, int]
_DRIVERS = {
    "9.0": (384, 111), "9.2": (396, 26), "10.0": (410, 48), "10.1": (418, 39), "10.2": (440, 33),
    "10": (410, 48), "11": (450, 80), "12": (525, 60), "13": (580, 65),
}  # fmt: skip
"""Lowest Linux driver by version of CUDA; since 11 minor versions of one major are compatible."""
_BLACKWELL_DRIVER = (570, 26)
_FIRST = (
    (10, 0, (9, 7), "Blackwell"),
    (8, 9, (8, 6), "Ada and Hopper"),
    (8, 0, (8, 0), "Ampere"),
    (7, 5, (7, 3), "Turing"),
)


def lowest_driver(cuda: str, capability: Pair | None) -> Pair | None:
    """Return the lowest driver for a CUDA version like ``12`` or ``10.2`` on a GPU; None when it is not known."""
    major, _, rest = cuda.partition(".")
    if major == "12" and capability and capability >= (10, 0):
        return _BLACKWELL_DRIVER
    return _DRIVERS.get(f"{major}.{rest.partition('.')[0]}") or _DRIVERS.get(major)


def lowest_capability(cudnn: Pair, cuda: str) -> Pair:
    """Return the lowest compute capability a cuDNN has code for."""
    major = int(cuda.partition(".")[0] or 0)
    if major >= 13 or cudnn >= (9, 11):
        return (7, 5)
    if major >= 12 or cudnn >= (8, 9):
        return (5, 0)
    return (3, 5) if major == 11 else (3, 0)


def unfit(cudnn: Pair, cuda: str, capability: Pair) -> str:
    """Return why a cuDNN is not made for a compute capability, as what follows ``the GPU has``; empty when it is."""
    lowest, (first, name) = lowest_capability(cudnn, cuda), first_release(capability)
    has = f"compute capability {capability[0]}.{capability[1]}: according to NVIDIA's support matrix cuDNN"
    if capability < lowest:
        return f"{has} {cudnn[0]}.{cudnn[1]} starts at {lowest[0]}.{lowest[1]}"
    return f"{has} {first[0]}.{first[1]} is the first for {name}, not {cudnn[0]}.{cudnn[1]}" if cudnn < first else ""


def first_release(capability: Pair) -> tuple[Pair, str]:
    """Return the cuDNN release that first knows a GPU of a compute capability, and the architecture's name."""
    for major, minor, release, name in _FIRST:
        if capability >= (major, minor):
            return release, name
    return (7, 0), "Volta or older"
