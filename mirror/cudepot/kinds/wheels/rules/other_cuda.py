"""Says which wheels of an environment are built for another CUDA than the environment is for."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PROJECT = re.compile(r".+-cu(?:da)?(\d\d)\d?x?")
"""``nvidia-cublas-cu12``, ``cuml-cu12``, ``cupy-cuda13x``, ``dali-cuda120``."""
_LOCAL = re.compile(r"[^+]+\+(?:.*\.)?cu(\d\d)\d*(?:\..*)?")
"""``2.9.1+cu130``; PyTorch's ``cu92`` and older are of another age."""
_SHOWN = 5


def other_cuda(name: str, cuda: str, packages: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a line where packages are built for another major version of CUDA; nothing where all fit or none is said.

    Args:
        name: of the environment.
        cuda: what it is for, ``13.0``; empty where it does not say.
        packages: project and version of all its files.
    """
    if not cuda:
        return ()
    strange = sorted(
        {project for project, version in packages if built_for(project, version) not in ("", _major(cuda))}
    )
    if not strange:
        return ()
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    named = f"{', '.join(strange[:_SHOWN])}{more}"
    return (f"environment {name} is for CUDA {cuda}, but these are built for another CUDA: {named}",)


def built_for(project: str, version: str) -> str:
    """Return the major version of CUDA that a project's name or its local version tells; empty where neither does."""
    found = _LOCAL.fullmatch(version) or _PROJECT.fullmatch(project)
    return found[1] if found else ""


def _major(cuda: str) -> str:
    return cuda.partition(".")[0]
