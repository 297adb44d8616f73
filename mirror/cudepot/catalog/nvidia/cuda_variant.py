"""Which CUDA a package of NVIDIA's says it is for, by its name or its version, and which are the same."""

from __future__ import annotations

import re

_IN_VERSION = re.compile(r"[+.]cuda(\d+(?:\.\d+)*)$")
_LOOSELY = re.compile(r"-cu(?:da)?-?(\d\d?)")
_IN_NAME = re.compile(r"-cuda-(\d+)(?:-(\d+))?$|-(\d+)-(\d+)$")


def is_cuda_variant(name: str, version: str, cuda: str) -> bool:
    """Return whether a package says that it is for that CUDA.

    The version says it up to cuDNN 8 (``+cuda11.1``, in an rpm's release ``1.cuda11.1``), the name from cuDNN 9 on
    (``-cuda-12``, ``-cuda-12-4``), and that of CUDA's own packages (``libcublas-13-0``). The shorter of two numbers
    stands for all that begin with it: ``12`` takes ``+cuda12.2``, ``12.2`` takes ``-cuda-12``.
    """
    said = _IN_VERSION.search(version)
    if said:
        return _begins(said[1], cuda)
    named = _IN_NAME.search(name)
    if not named:
        return False
    text = ".".join(filter(None, named.groups()))
    return _begins(text, cuda) or _begins(cuda, text)


def cuda_major(name: str, version: str) -> str:
    """Return the major version of the CUDA that a package's version or name says it is for; empty where it says none.

    Names are read more freely than pins read them: ``tool-cuda12`` and ``tool-cu126`` say 12 as well.
    """
    found = _IN_VERSION.search(version) or _IN_NAME.search(name) or _LOOSELY.search(name)
    return next(one for one in found.groups() if one).partition(".")[0] if found else ""


def cuda_said(version: str) -> str:
    """Return the CUDA that a version says it is for (``11.1`` of ``8.0.5.39-1+cuda11.1``); empty where it says none."""
    said = _IN_VERSION.search(version)
    return said[1] if said else ""


def same_cuda(one: str, other: str) -> bool:
    """Return whether two CUDA versions are the same as far as both go: ``11`` is ``11.1``, ``11.1`` not ``11.2``."""
    return _begins(one, other) or _begins(other, one)


def _begins(longer: str, shorter: str) -> bool:
    wanted = shorter.split(".")
    return longer.split(".")[: len(wanted)] == wanted
