"""What cuDNN needs of CUDA where machines see the site alone: pins on NVIDIA's wheels of cuBLAS and NVRTC. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.ecosystems import Output
from cudepot.catalog.nvidia.cuda_components import CUBLAS, NVRTC, CudaComponents
from cudepot.catalog.nvidia.first_pins import Meant
from cudepot.catalog.nvidia.first_releases import platform_of
from cudepot.errors import ConfigError

_FIRST, _SPLIT, _PLAIN = 11, 12, 13
"""CUDA majors: the first whose cuBLAS is a wheel; since when recipes have a product each; since when names say none."""
_NEED_NVRTC = ("8.9.4", "8.9.5", "8.9.6", "8.9.7")
"""Beginnings of releases for CUDA 11 that need NVRTC, as ``recipes/cudnn/wheel.toml`` has it."""
_PRESET = "pypi"


def companions(components: CudaComponents, releases: Sequence[Meant]) -> str:
    """Return the tables for cudepot.toml; raise ConfigError for a CUDA of which there are no such wheels."""
    platforms = dict.fromkeys(filter(None, (platform_of(one.repository) for one in releases)))
    heading = (
        "\n# What cuDNN needs where machines see this site alone: as wheels, and as conda packages made from them.\n"
    )
    pins = dict.fromkeys(pin for one in releases for pin in _pins(components, one))
    outputs = ", ".join(f'"{one}"' for one in (Output.MIRROR, Output.CONDA))
    listed = ", ".join(f'"{one}"' for one in platforms)
    return (
        heading
        + f'[[upstream]]\npreset = "{_PRESET}"\n'
        + "".join(
            f'\n[[pin]]\nupstream = "{_PRESET}"\npackages = ["{spec}"]\nrecipe = "{recipe}"\n'
            f"outputs = [{outputs}]\nsubdirs = [{listed}]\n"
            for spec, recipe in pins
        )
    )


def _pins(components: CudaComponents, release: Meant) -> Iterator[tuple[str, str]]:
    """Give requirement and recipe of what a release needs."""
    cuda = _toolkit(components, release.cuda)
    major = int(cuda.split(".", maxsplit=1)[0])
    if major < _FIRST:
        raise ConfigError(
            f"there are no wheels of cuBLAS for CUDA {cuda}, so no channel without conda-forge",
            hint="omit --closed, or use CUDA 11 or newer",
        )
    ending = "" if major >= _PLAIN else f"-cu{major}"
    recipe = "libcublas" if major >= _SPLIT else "cudatoolkit"
    yield f"nvidia-cublas{ending}=={_newest(components, CUBLAS, cuda)}", recipe
    if major >= _SPLIT or release.version.startswith(_NEED_NVRTC):
        yield f"nvidia-cuda-nvrtc{ending}=={_newest(components, NVRTC, cuda)}", "cuda-nvrtc"


def _toolkit(components: CudaComponents, cuda: str) -> str:
    """Return the CUDA of two parts that is meant: as said, or the newest of a major version."""
    if "." in cuda:
        return cuda
    found = [one for one in components.versions() if one.startswith(f"{cuda}.")]
    return max(found, key=_numbers, default=cuda)


def _newest(components: CudaComponents, component: str, cuda: str) -> str:
    """Return the newest release of a component that belongs to a CUDA; a glob where none is known.

    NVRTC's first two parts are CUDA's, cuBLAS's only the first.
    """
    unknown = f"{cuda}.*" if component == NVRTC else f"{cuda.split('.', maxsplit=1)[0]}.*"
    found = [version for (one, version), of in components.known.items() if (one, of) == (component, cuda)]
    return max(found, key=_numbers, default=unknown)


def _numbers(version: str) -> list[int]:
    return [int(one) for one in version.split(".")]
