"""Which CUDA a release of cuBLAS or NVRTC belongs to: data, because their own numbers do not always say it.

Format: ``channel-config/catalog/cuda-components.toml``, described there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

CUBLAS, NVRTC = "cublas", "nvrtc"
COMPONENT_OF = {"libcublas": CUBLAS, "cudatoolkit": CUBLAS, "cuda-nvrtc": NVRTC}
"""Component by the product that a recipe makes of it."""


@dataclass(frozen=True, slots=True)
class CudaComponents:
    """What is known: CUDA version of two parts by component and the component's full version."""

    known: Mapping[tuple[str, str], str]

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> CudaComponents:
        """Return the table; raise ConfigError where it is malformed or gives one release two CUDAs."""
        root, known = Table(data), dict[tuple[str, str], str]()
        if root.integer("schema") != 1:
            raise ConfigError("cuda-components.toml: expected 'schema = 1'")
        for row in root.tables("cuda"):
            cuda = row.text("version")
            for component in (CUBLAS, NVRTC):
                for version in row.texts(component, ()):
                    if known.setdefault((component, version), cuda) != cuda:
                        raise ConfigError(f"cuda-components.toml: {component} {version} belongs to two CUDA versions")
            row.done()
        root.done()
        return cls(known)

    def versions(self) -> frozenset[str]:
        """Return the CUDA versions that are known."""
        return frozenset(self.known.values())

    def cuda_of(self, component: str, version: str) -> str:
        """Return the CUDA, as ``13.0``, that a release of a component belongs to; empty where that is not known.

        A release that is not in the table belongs to the CUDA of those that share its first two parts, if they agree
        (NVIDIA's patches of cuBLAS come outside the toolkit). NVRTC's first two parts are CUDA's.

        >>> CudaComponents({("cublas", "13.1.0.3"): "13.0"}).cuda_of("cublas", "13.1.2.11")
        '13.0'
        """
        if exact := self.known.get((component, version)):
            return exact
        start = _start(version)
        near = {cuda for (one, other), cuda in self.known.items() if one == component and _start(other) == start}
        if len(near) == 1:
            return near.pop()
        return ".".join(start) if component == NVRTC and not near else ""


def _start(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
