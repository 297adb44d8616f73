"""A release as a value: which product, version, CUDA variant and platform a payload is of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """A release as cudepot names it.

    Attributes:
        product: e.g. ``cudnn``.
        version: four parts as NVIDIA counts them, e.g. ``8.0.5.39``.
        cuda: CUDA variant, ``11.1`` or ``13`` as the artifact says it.
        subdir: conda platform, e.g. ``linux-64``; of a cross package that of the machine that builds; ``noarch``
            for samples of all platforms.
        part: empty for the release itself; ``jit`` for the libraries that compile at run time alone, ``samples``
            for samples that belong to no platform (``cuda`` is empty then), ``cross-aarch64``, ``cross-sbsa`` or
            ``cross-qnx`` for what another machine needs to build for that one.
    """

    product: str
    version: str
    cuda: str
    subdir: str
    part: str = ""

    @property
    def windows(self) -> bool:
        """Whether libraries are DLLs."""
        return self.subdir.startswith("win-")
