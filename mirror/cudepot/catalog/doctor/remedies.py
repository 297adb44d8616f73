"""The commands that repair what doctor finds, in the words of the package manager that has to run them."""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog.doctor.values import Copy, EnvironmentKind, Header, Package, Version, dotted
from cudepot.catalog.ecosystems import ArtifactKind

_BRINGS = {
    "libcublas": ("libcublas", "nvidia-cublas"),
    "libnvrtc": ("cuda-nvrtc", "nvidia-cuda-nvrtc"),
    "libz.so": ("libzlib", ""),
}
"""The packages of conda and pip that bring a library."""


def reinstall(package: Package) -> str:
    """Return the command that installs a package again although its manager believes that it is there."""
    name, version = package.name, package.version
    if package.kind == ArtifactKind.WHEEL:
        return f"pip install --force-reinstall --no-deps {name}=={version}"
    if package.kind == ArtifactKind.CONDA:
        return f"conda install --force-reinstall {name}={version}"
    if package.kind == ArtifactKind.RPM:
        return f"dnf reinstall {name}"
    return f"apt-get install --reinstall {name}"


def right_headers(header: Header, copies: Sequence[Copy], packages: Sequence[Package]) -> str:
    """Return what brings headers of the libraries' version; those that no package has are taken away."""
    paths = (header.path, header.real)
    owner = next((one for one in packages if any(file.path in paths for file in one.files)), None)
    if owner is None:
        return f"rm {header.folder}/cudnn*.h, which no package has a record of"
    runtimes = (one for copy in copies for one in copy.packages if one.kind == owner.kind and one.is_cudnn)
    runtime = next(runtimes, owner)
    if owner.kind == ArtifactKind.DEB and runtime.version != owner.version:
        return f"apt-get install {owner.name}={runtime.version}"
    if owner.kind == ArtifactKind.RPM and runtime.version != owner.version:
        return f"dnf install {owner.name}-{runtime.version}"
    return reinstall(owner)


def again(copy: Copy, *files: str) -> str:
    """Return what mends a copy, or some files of it: its own package once more; not one that only asks for others."""
    owners = [one for one in copy.packages if one.is_cudnn] or list(copy.packages)
    owners = [one for one in owners if one.files] or owners
    owners = [one for one in owners if any(file.path in files for file in one.files)] or owners
    if owners:
        return reinstall(owners[0])
    return f"no package has a record of it: remove {copy.folder}/libcudnn* and install cuDNN by a package manager"


def newer(copy: Copy, least: Version) -> str:
    """Return what puts a cuDNN that is at least of a version in place of a copy."""
    owner = next((one for one in copy.packages if one.is_cudnn and one.files), None)
    if owner and owner.kind == ArtifactKind.WHEEL:
        return f"pip install --no-deps '{owner.name}>={dotted(least)},<{least[0] + 1}'"
    if owner and owner.kind == ArtifactKind.CONDA:
        return f"conda install '{owner.name}>={dotted(least)},<{least[0] + 1}'"
    return f"install cuDNN {dotted(least)} or newer in place of {copy.folder}"


def brings(name: str, copy: Copy) -> str:
    """Return what installs a library that a copy needs."""
    conda, wheel = next((said for stem, said in _BRINGS.items() if name.startswith(stem)), (name, ""))
    cuda = copy.cuda().partition(".")[0]
    if copy.kind == EnvironmentKind.CONDA:
        return f"conda install {conda}"
    if "-packages/" in copy.folder and wheel:
        if not cuda:
            return f"pip install {wheel}-cuN, with the CUDA of your framework for N ({wheel} for CUDA 13)"
        return f"pip install {wheel}" + (f"-cu{cuda}" if int(cuda) < 13 else "")
    return f"install the system's package of {name}"
