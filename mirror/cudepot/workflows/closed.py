"""Whether a channel without conda-forge has everything its packages need."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.errors import ConfigError
from cudepot.formats.conda_index import read_package
from cudepot.workflows.builds import Built
from cudepot.workflows.depot import Depot


def check_closed(depot: Depot, built: Iterable[Built]) -> None:
    """Look for the name of every dependency among the packages; virtual packages (``__glibc``) are the machine's.

    Which versions go together is the solver's to say.

    Raises:
        ConfigError: naming what is missing.
    """
    names, needed = set(), set()
    for one in built:
        if one.kind == "conda":
            with depot.store.open(one.digest) as handle:
                package = read_package(handle, one.subdir, one.filename, one.digest)
            names.add(package.name)
            needed |= {str(spec).split()[0] for spec in package.index["depends"]}
    missing = sorted(name for name in needed - names if not name.startswith("__"))
    if missing:
        raise ConfigError(
            f"closed-channel: nothing makes {', '.join(missing)}, which packages here need",
            hint="pin NVIDIA's wheels too: nvidia-cublas (recipe libcublas; cudatoolkit for CUDA 11) and "
            "nvidia-cuda-nvrtc (recipe cuda-nvrtc); cuda-version comes with them",
        )
