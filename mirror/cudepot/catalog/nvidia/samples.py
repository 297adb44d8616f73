"""What NVIDIA's cuDNN samples are built for, with which variables, and where headers and libraries are looked for.

The variables are those of the samples' own Makefiles: ``TARGET_ARCH``, ``TARGET_OS``, ``HOST_COMPILER``, ``CUDA_PATH``,
``QNX_HOST``, ``QNX_TARGET``, ``EXTRA_CCFLAGS``, ``EXTRA_LDFLAGS``, ``EXTRA_NVCCFLAGS`` in all; ``CUDNN_INCLUDE_PATH``,
``CUDNN_LIB_PATH``, ``CUBLAS_LIB_PATH`` and ``SBSA`` since 8.1. All of them compile ``.cu`` files and link with
``$(CUDA_PATH)/bin/nvcc``, and all put ``-I$(CUDA_PATH)/include`` before any folder that can be named.

``EXTRA_NVCCFLAGS`` stand before all other ``-L``, and are the only ones that reach the test for FreeImage, which is
linked with cuDNN too. What ``EXTRA_LDFLAGS`` name (``-Xlinker -L``) is looked at last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SAMPLES = re.compile(r"cudnn.*samples|libcudnn7-doc")
_MAJOR = re.compile(r"cudnn_samples_v(\d+)")
_BELOW = re.compile(r"(?:^|/)cudnn_samples_v\d+/(.+)")


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of machine samples can be built for.

    Attributes:
        name: as ``--target`` takes it.
        arch, system: ``TARGET_ARCH`` and ``TARGET_OS``.
        machine: what an ELF file for it says, as ``LibraryInfo.machine``.
        compiler: ``HOST_COMPILER`` unless another is named.
        folder: below ``CUDA_PATH/targets``.
        triplet: Debian's folder of its libraries and headers; empty where Debian has none.
        package: what brings the compiler.
    """

    name: str
    arch: str
    system: str
    machine: str
    compiler: str
    folder: str
    triplet: str
    package: str


TARGETS = {
    one.name: one
    for one in (
        Target("x86_64", "x86_64", "linux", "x86_64", "g++", "x86_64-linux", "x86_64-linux-gnu", "g++"),
        Target(
            "aarch64", "aarch64", "linux", "aarch64", "aarch64-linux-gnu-g++", "aarch64-linux", "aarch64-linux-gnu",
            "g++-aarch64-linux-gnu",
        ),
        Target(
            "sbsa", "aarch64", "linux", "aarch64", "aarch64-linux-gnu-g++", "sbsa-linux", "aarch64-linux-gnu",
            "g++-aarch64-linux-gnu",
        ),
        Target("qnx", "aarch64", "qnx", "aarch64", "", "aarch64-qnx", "", "the QNX SDP of DRIVE OS"),
    )
}  # fmt: skip


def is_native(target: Target, machine: str) -> bool:
    """Return whether what is built runs on a machine of this kind (``os.uname().machine``), so plain folders count."""
    return target.system == "linux" and target.arch == machine


def include_folders(target: Target, cuda: str, cudnn: str, *, native: bool) -> list[str]:
    """Return where ``cudnn.h`` may be, the likeliest first; ``cudnn`` is a folder the user named, or empty."""
    if cudnn:
        return [f"{cudnn}/include", f"{cudnn}/usr/include/{target.triplet}", f"{cudnn}/usr/include"]
    found = [f"{cuda}/targets/{target.folder}/include"]
    found += [f"/usr/include/{target.triplet}"] if target.triplet else []
    return found + ([f"{cuda}/include", "/usr/include"] if native else [])


def library_folders(target: Target, cuda: str, cudnn: str, *, native: bool) -> list[str]:
    """Return where ``libcudnn.so`` may be, the likeliest first."""
    if cudnn:
        return [f"{cudnn}/lib", f"{cudnn}/lib64", f"{cudnn}/usr/lib/{target.triplet}", f"{cudnn}/usr/lib"]
    found = [f"{cuda}/targets/{target.folder}/lib", f"{cuda}/targets/{target.folder}/lib/stubs"]
    found += [f"/usr/lib/{target.triplet}"] if target.triplet else []
    return found + ([f"{cuda}/lib64", "/usr/lib"] if native else [])


def make_variables(target: Target, paths: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for ``make``.

    Args:
        target: the machines to build for.
        paths: compiler, cuda, include and library; ``beside``, where the toolkit has the target's other libraries,
            and ``zlib``, where the target's zlib is: both empty where there are none.
        environment: of the process; flags in it come behind.
    """
    variables = {
        "TARGET_ARCH": target.arch,
        "TARGET_OS": target.system,
        "HOST_COMPILER": paths["compiler"],
        "CUDA_PATH": paths["cuda"],
        "CUDNN_INCLUDE_PATH": paths["include"],
        "CUDNN_LIB_PATH": paths["library"],
        **_flags(target, paths, environment),
    }
    if paths["beside"]:
        variables["CUBLAS_LIB_PATH"] = paths["beside"]
    if target.name == "sbsa":
        variables["SBSA"] = "1"
    if target.system == "qnx":
        variables |= {name: environment.get(name, "") for name in ("QNX_HOST", "QNX_TARGET")}
    return variables


def _flags(target: Target, paths: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the flags for compiler, linker and nvcc."""
    include, library, beside = f"-I{paths['include']}", f"-L{paths['library']}", paths["beside"]
    nvcc = [include, library, *([f"-L{beside}"] if beside else [])]
    # unasked, nvcc takes targets/aarch64-linux for every aarch64 compiler
    nvcc += [f"-target-dir {target.folder}"] if target.name == "sbsa" and beside else []
    loaded = [one for one in (paths["library"], paths["zlib"]) if one]  # what the libraries themselves need
    nvcc += [f"-Xlinker -rpath-link={one}" for one in loaded]
    own = {"EXTRA_CCFLAGS": [include], "EXTRA_NVCCFLAGS": nvcc}
    return {name: " ".join([*flags, environment.get(name, "")]).strip() for name, flags in own.items()}


def is_for(architecture: str, target: Target) -> bool:
    """Return whether a samples package of a deb's or rpm's architecture belongs to a target; archives are for all."""
    own = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}
    return own.get(architecture, target.arch) == target.arch


def holds_samples(filename: str) -> bool:
    """Return whether a package or archive of that name has samples; those of 7.x are with the documents."""
    return _SAMPLES.search(filename) is not None


def major_of(name: str) -> str:
    """Return the major version of cuDNN that a folder of samples, as NVIDIA calls them, is of; empty if unknown."""
    found = _MAJOR.search(name)
    return found[1] if found else ""


def sample_path(member: str) -> str:
    """Return a member of a samples package as a path below the samples' folder; empty for anything else.

    >>> sample_path("usr/src/cudnn_samples_v8/mnistCUDNN/Makefile")
    'mnistCUDNN/Makefile'
    """
    found = _BELOW.search(member)
    return found[1] if found else ""
