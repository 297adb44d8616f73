"""Where the libraries and headers of cuDNN and CUDA are in an environment, and on a machine."""

from __future__ import annotations

LIBRARY_FOLDERS = (
    "lib",
    "lib64",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "lib/powerpc64le-linux-gnu",
    "targets/*/lib",
    "usr/lib",
    "usr/lib64",
    "usr/lib/*-linux-gnu",
    "_internal",
)
"""Of a prefix: a conda environment, a venv, /usr, /usr/local/cuda; a snap or flatpak; what PyInstaller packs."""
SITE_FOLDERS = ("nvidia/*/lib", "*/lib", "*.libs", "*/.libs", "*/capi", "*/.data/lib", "*/lib64")
"""Of a folder of Python packages: NVIDIA's wheels, then what frameworks bundle."""
HEADER_FOLDERS = ("include", "include/x86_64-linux-gnu", "include/aarch64-linux-gnu", "targets/*/include")
SITE_HEADERS = ("nvidia/*/include",)
DEBIANS_SITE = "lib/python3*/dist-packages"
"""Of /usr/local: where pip of Debian's Python in /usr installs for all."""
SITES = (
    "lib/python3*/site-packages",
    "lib64/python3*/site-packages",
    DEBIANS_SITE,
    "lib/pypy3*/site-packages",
    "usr/lib/python3*/site-packages",
    f"usr/{DEBIANS_SITE}",
    "_internal",
)
"""Of a prefix: its folders of Python packages; Debian's own, and Red Hat's for compiled ones, among them; a snap's, and
what PyInstaller packs."""
SYSTEM_PREFIXES = ("/usr", "/usr/local", "/usr/local/cuda*", "/opt/cuda*")
IMAGE_PREFIXES = (
    "/opt/conda", "/opt/conda/envs/*", "/opt/mini*", "/opt/mini*/envs/*", "/opt/venv", "/venv", "/usr/local/conda",
    "/root/mini*", "/root/mini*/envs/*", "/home/*/mini*", "/home/*/mini*/envs/*", "/app/.venv", "/app/venv",
    "/workspace/.venv", "/workspace/venv", "/opt/*/.venv", "/root/.venv", "/home/*/.venv", "/app/.pixi/envs/*",
    "/databricks/python3", "/opt/python",
)  # fmt: skip
"""Where images have the environment that their programs run in."""
LOADER_FOLDERS = ("/lib/{triplet}", "/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
"""What the loader looks through last; Debian's first, then Red Hat's."""
MAJORS = ("9", "8", "7")
PRELOADED = ("libcudart.so.", "libcublasLt.so.", "libcublas.so.", "libnvrtc.so.")
"""Libraries a framework loads before cuDNN, in this order, since cuDNN's own search path need not lead to them."""
COMPANIONS = ("libcu*.so.*", "libnvrtc*.so.*", "libnvJitLink*.so.*", "libz.so.*")
"""What cuDNN needs of CUDA and the system, beside which it may be."""
