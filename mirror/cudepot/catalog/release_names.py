"""Reads a cuDNN file name as the release it claims to hold; a claim only, the content is checked later.

Forms: NVIDIA's tgz (7.x to 8.3.0), ``-archive.tar.xz`` (since 8.3.1), Debian packages and wheels. Samples,
documentation, JIT-only, Jetson, macOS, Windows and rpm files give None: they are not repackaged.
"""

from __future__ import annotations

import re

from cudepot.formats.payload import Release

_VERSION = r"(?P<version>\d+\.\d+\.\d+\.\d+)"
_FORMS = (
    re.compile(rf"cudnn-(?P<cuda>\d+\.\d+)-linux-(?P<arch>x64|aarch64sbsa|ppc64le)-v{_VERSION}\.tgz"),
    re.compile(rf"cudnn-linux-(?P<arch>x86_64|sbsa|ppc64le)-{_VERSION}_cuda(?P<cuda>\d+(?:\.\d+)?)-archive\.tar\.xz"),
    re.compile(rf"libcudnn\d(?:-dev)?_{_VERSION}-\d+\+cuda(?P<cuda>\d+\.\d+)_(?P<arch>amd64|arm64|ppc64el)\.deb"),
    re.compile(rf"libcudnn\d+(?:-dev|-static|-headers)?-cuda-(?P<cuda>\d+)_{_VERSION}-\d+_(?P<arch>amd64|arm64)\.deb"),
    re.compile(
        rf"nvidia_cudnn_cu(?P<cuda>\d+)-{_VERSION}(?:\.post\d+)?(?:-\d+)?-py3-none-"
        r"manylinux[0-9a-z_.]*?_(?P<arch>x86_64|aarch64)\.whl"
    ),
)
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
}


def parse_artifact_name(filename: str) -> Release | None:
    """Return the release a file name claims, or None when it is no cuDNN payload for a supported platform.

    Args:
        filename: base name, without folder; ``+`` may be written ``%2B`` as in a URL.

    >>> parse_artifact_name("libcudnn8_8.0.5.39-1%2Bcuda11.1_amd64.deb")
    Release(product='cudnn', version='8.0.5.39', cuda='11.1', subdir='linux-64')
    """
    name = filename.replace("%2B", "+").replace("%2b", "+")
    for form in _FORMS:
        if parts := form.fullmatch(name):
            return Release("cudnn", parts["version"], parts["cuda"], _SUBDIRS[parts["arch"]])
    return None
