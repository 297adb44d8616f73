"""Where the libraries and headers of cuDNN and CUDA stand in an environment, and on a machine."""

from __future__ import annotations

LIBRARY_FOLDERS = (
    "lib",
    "lib64",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "lib/powerpc64le-linux-gnu",
    "targets/*/lib",
    "lib/python3*/site-packages/nvidia/*/lib",
    "lib/python3*/dist-packages/nvidia/*/lib",
)
"""Of a prefix: a conda environment, a venv, /usr, /usr/local/cuda."""
HEADER_FOLDERS = (
    "include",
    "include/x86_64-linux-gnu",
    "include/aarch64-linux-gnu",
    "targets/*/include",
    "lib/python3*/site-packages/nvidia/*/include",
    "lib/python3*/dist-packages/nvidia/*/include",
)
SYSTEM_PREFIXES = ("/usr", "/usr/local", "/usr/local/cuda*")
LOADER_FOLDERS = ("/lib/{triplet}", "/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
"""What the loader looks through last; Debian's first, then Red Hat's."""
MAJORS = ("9", "8", "7")
PRELOADED = ("libcudart.so.", "libcublasLt.so.", "libcublas.so.", "libnvrtc.so.")
"""Libraries a framework loads before cuDNN, in this order, since cuDNN's own search path need not lead to them."""
