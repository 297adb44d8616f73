"""Whether a channel without conda-forge has everything its packages need."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.depot.builds import Built
from cudepot.errors import ConfigError
from cudepot.formats.conda_index import read_package
from cudepot.store.local import LocalStore

_HINTS = {
    "libcublas": "pin nvidia-cublas (nvidia-cublas-cu12 for CUDA 12), or libcublas-13-0 of apt or yum, with recipe = "
    '"libcublas"',
    "cudatoolkit": 'pin nvidia-cublas-cu11, or libcublas-11-8 of apt or yum, with recipe = "cudatoolkit"',
    "cuda-nvrtc": "pin nvidia-cuda-nvrtc (nvidia-cuda-nvrtc-cu11, -cu12 for older CUDA), or cuda-nvrtc-13-0 of apt or "
    'yum, with recipe = "cuda-nvrtc"',
    "cuda-version": "cuda-version comes with these",
}


def check_closed(store: LocalStore, built: Iterable[Built]) -> None:
    """Look for the name of every dependency among the packages; virtual packages (``__glibc``) are the machine's.

    Which versions go together is the solver's to say.

    Raises:
        ConfigError: naming what is missing.
    """
    names, needed = set(), set()
    for one in built:
        if one.kind == ArtifactKind.CONDA:
            with store.open(one.digest) as handle:
                package = read_package(handle, one.subdir, one.filename, one.digest)
            names.add(package.name)
            needed |= {str(spec).split()[0] for spec in package.index["depends"]}
    missing = sorted(name for name in needed - names if not name.startswith("__"))
    if missing:
        raise ConfigError(
            f"closed-channel: packages need {', '.join(missing)}, which nothing here builds",
            hint="; ".join(_HINTS[name] for name in missing if name in _HINTS)
            or "`cudepot explain packages` says what is needed",
        )
