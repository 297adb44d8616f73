"""Reads a file name of cuDNN, cuBLAS or NVRTC as the release it claims to hold; the content is checked later.

Forms: NVIDIA's tgz and zip (7.x to 8.3.0), ``-archive.tar.xz`` and ``-archive.zip`` (since 8.3.1), their ``cudnn_jit``
and ``cudnn_samples`` kin, Debian packages, rpms and wheels. Documentation, Jetson and macOS files give None: they are
not repackaged.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cudepot.catalog.config.config import Pin
from cudepot.catalog.ecosystems import SYSTEM_KINDS
from cudepot.catalog.lock import Artifact
from cudepot.errors import PinError
from cudepot.formats.release import Release

_VERSION = r"(?P<version>\d+\.\d+\.\d+\.\d+)"
_CUDA = r"(?P<cuda>\d+(?:\.\d+)?)"
_DEB = r"(?P<arch>amd64|arm64|ppc64el)"
_RPM = r"(?P<arch>x86_64|aarch64|ppc64le)"
_CROSS = r"(?:-dev|-static)?-(?P<part>cross-(?:aarch64|sbsa|(?:aarch64-)?qnx))"
# Patterns, not compiled: a run that repackages nothing needs none, and `re` keeps those that are used.
_FORMS = (
    rf"cudnn-(?P<cuda>\d+\.\d+)-linux-(?P<arch>x64|aarch64sbsa|ppc64le)-v{_VERSION}\.tgz",
    rf"cudnn-(?P<cuda>\d+\.\d+)-(?P<arch>windows(?:7|10)?-x64)-v{_VERSION}\.zip",
    rf"cudnn(?:_(?P<part>jit)|_samples)?-linux-(?P<arch>x86_64|sbsa|ppc64le)-{_VERSION}_cuda{_CUDA}-archive\.tar\.xz",
    rf"cudnn(?:_(?P<part>jit)|_samples)?-(?P<arch>windows-x86_64|windows-arm64)-{_VERSION}_cuda{_CUDA}-archive\.zip",
    rf"cudnn_(?P<part>samples)-source-{_VERSION}-archive\.tar\.xz",
    rf"libcudnn\d(?:-dev|-samples|-doc)?_{_VERSION}-\d+\+cuda(?P<cuda>\d+\.\d+)_{_DEB}\.deb",
    rf"libcudnn\d+(?:-(?P<part>jit))?(?:-dev|-static|-headers)?-cuda-(?P<cuda>\d+)_{_VERSION}-\d+_{_DEB}\.deb",
    rf"libcudnn\d+-(?P<part>samples)_{_VERSION}-\d+_(?:all|amd64|arm64)\.deb",
    rf"libcudnn\d{_CROSS}_{_VERSION}-\d+\+cuda(?P<cuda>\d+\.\d+)_all\.deb",
    rf"libcudnn\d+{_CROSS}-cuda-(?P<cuda>\d+)_{_VERSION}-\d+_all\.deb",
    rf"libcudnn\d(?:-devel|-static|-samples)?-{_VERSION}-\d+\.cuda(?P<cuda>\d+\.\d+)\.{_RPM}\.rpm",
    rf"libcudnn\d+(?:-(?P<part>jit))?(?:-devel|-static|-headers)?-cuda-(?P<cuda>\d+)-{_VERSION}-\d+\.{_RPM}\.rpm",
    rf"libcudnn\d+-(?P<part>samples)-{_VERSION}-\d+\.(?:noarch|x86_64|aarch64)\.rpm",
    (
        rf"nvidia_cudnn_cu(?P<cuda>\d+)-{_VERSION}(?:\.post\d+)?(?:-\d+)?-py3-none-"
        r"(?:manylinux[0-9a-z_.]*?_(?P<linux>x86_64|aarch64)|(?P<arch>win_amd64|win_arm64))\.whl"
    ),
)
_WHEEL = (
    r"-(?P<version>\d+(?:\.\d+){2,3})(?:-\d+)?-py3-none-"
    r"(?:manylinux[0-9a-z_.]*?_(?P<linux>x86_64|aarch64)|(?P<windows>win_amd64))\.whl"
)
_NUMBERS = r"(?P<version>\d+(?:\.\d+){2,3})"
# What a channel without conda-forge needs beside cuDNN, from NVIDIA's wheels, debs and rpms. The names of debs and rpms
# say which CUDA they are of, but for `libcublas13-cuda-13` and `libcublas10`; those of wheels say its first part.
_COMPANIONS = {
    "cublas": (
        rf"nvidia_cublas(?:_cu(?P<cuda>1\d))?{_WHEEL}",
        rf"(?:libcublas|cuda-cublas)(?:-dev)?-(?P<cuda>\d+-\d+)_{_NUMBERS}-\d+_{_DEB}\.deb",
        rf"libcublas\d*(?:-dev)?(?:-cuda-(?P<cuda>\d+))?_{_NUMBERS}-\d+_{_DEB}\.deb",
        rf"(?:libcublas|cuda-cublas)(?:-devel|-dev)?-(?P<cuda>\d+-\d+)-{_NUMBERS}-\d+\.{_RPM}\.rpm",
        rf"libcublas\d*(?:-devel)?(?:-cuda-(?P<cuda>\d+))?-{_NUMBERS}-\d+\.{_RPM}\.rpm",
    ),
    "nvrtc": (
        rf"nvidia_cuda_nvrtc(?:_cu(?P<cuda>1\d))?{_WHEEL}",
        rf"cuda-nvrtc(?:-dev)?-(?P<cuda>\d+-\d+)_{_NUMBERS}-\d+_{_DEB}\.deb",
        rf"cuda-nvrtc(?:-devel|-dev)?-(?P<cuda>\d+-\d+)-{_NUMBERS}-\d+\.{_RPM}\.rpm",
    ),
}
_SUBDIRS = {
    "x64": "linux-64",
    "x86_64": "linux-64",
    "amd64": "linux-64",
    "aarch64sbsa": "linux-aarch64",
    "sbsa": "linux-aarch64",
    "aarch64": "linux-aarch64",
    "arm64": "linux-aarch64",
    "ppc64le": "linux-ppc64le",
    "ppc64el": "linux-ppc64le",
    "windows-x64": "win-64",
    "windows7-x64": "win-64",
    "windows10-x64": "win-64",
    "windows-x86_64": "win-64",
    "win_amd64": "win-64",
    "windows-arm64": "win-arm64",
    "win_arm64": "win-arm64",
}

_FOR_NAMES = "only artifacts of that product can have its recipe; keep NVIDIA's file name"
_FOR_FILES = "give {} a pin without recipe, and the recipe to the packages that hold the files, such as {}-cuda-13"
_META = r"cudnn\d*(?:-jit)?(?:-cross-\w+)?(?:-cuda-\d+(?:-\d+)?)?"


def parse_artifact_name(filename: str) -> Release | None:
    """Return the release a file name claims, or None when it is no cuDNN payload for a supported platform.

    Samples of a release that come with its platform and CUDA variant belong to that release; those for all of them
    are a part of their own.

    Args:
        filename: base name, without folder; ``+`` may be written ``%2B`` as in a URL.

    >>> parse_artifact_name("libcudnn8_8.0.5.39-1%2Bcuda11.1_amd64.deb")
    Release(product='cudnn', version='8.0.5.39', cuda='11.1', subdir='linux-64', part='')
    """
    name = filename.replace("%2B", "+").replace("%2b", "+")
    for form in _FORMS:
        if match := re.fullmatch(form, name):
            found = {key: text or "" for key, text in match.groupdict().items()}
            part, arch = found.get("part", ""), found.get("arch", "") or found.get("linux", "")
            part = "cross-qnx" if part.endswith("-qnx") else part
            return Release("cudnn", found["version"], found.get("cuda", ""), _subdir(part, arch), part)
    return _companion(name)


def is_meta(name: str) -> bool:
    """Return whether a deb or rpm of that name only depends on cuDNN's packages and holds no file of it.

    >>> is_meta("cudnn9-cross-aarch64"), is_meta("libcudnn9-cross-aarch64-cuda-12")
    (True, False)
    """
    return re.fullmatch(_META, name) is not None


def with_recipe(artifact: Artifact, pin: Pin, known: Release | None = None) -> Artifact:
    """Mark an artifact for repackaging when its pin has a recipe: its bytes or its name must say which release it is.

    Args:
        artifact: any artifact.
        pin: the pin that wants it.
        known: the release that has a file with these bytes, where that is known.

    Raises:
        PinError: the name says nothing, or another product.
    """
    if not pin.recipe:
        return artifact
    release = known or parse_artifact_name(artifact.filename)
    if release is None:
        packaged = artifact.kind in SYSTEM_KINDS
        raise PinError(
            f"{artifact.filename}: the name does not say which release of {pin.recipe} it is",
            hint=_FOR_FILES.format(artifact.name, _example(artifact.name)) if packaged else _FOR_NAMES,
        )
    if release.product != pin.recipe:
        raise PinError(
            f"{artifact.filename}: is not {pin.recipe}, but {release.product} {release.version}",
            hint=f'give it a pin of its own with recipe = "{release.product}"',
        )
    return replace(artifact, recipe=pin.recipe, release=replace(release, cuda=pin.cuda or release.cuda))


def _example(name: str) -> str:
    """Return what the package with the files is called, less its CUDA, for one that has none."""
    _, cross, target = name.partition("-cuda-")[0].partition("-cross-")
    return f"libcudnn9{cross}{target}"


def _companion(name: str) -> Release | None:
    """Read the name of what cuDNN needs beside it; up to CUDA 11 cuBLAS is what a ``cudatoolkit`` is made of."""
    for component, forms in _COMPANIONS.items():
        for match in filter(None, (re.fullmatch(form, name) for form in forms)):
            found = {key: text or "" for key, text in match.groupdict().items()}
            version, cuda = found["version"], found["cuda"].replace("-", ".") or match["version"].partition(".")[0]
            arch = found.get("linux", "") or found.get("windows", "") or found.get("arch", "")
            return Release(_product(component, cuda), version, cuda, _SUBDIRS[arch])
    return None


def _product(component: str, cuda: str) -> str:
    if component == "nvrtc":
        return "cuda-nvrtc"
    return "libcublas" if int(cuda.partition(".")[0]) >= 12 else "cudatoolkit"


def _subdir(part: str, arch: str) -> str:
    """Return the conda platform: cross packages are for the machine that builds, samples for all of them."""
    if part.startswith("cross-"):
        return "linux-64"
    return "noarch" if part == "samples" else _SUBDIRS[arch]
