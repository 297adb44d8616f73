"""Which libraries a cuDNN consists of, by version, and under which names the first one opens the others.

The lists are those of NVIDIA's wheels for x86_64 Linux on the package index, the newest of each minor version of CUDA
11, 12 and 13 from 8.5 to 9.28 (66 wheels, read on 2026-11-28); cuDNN 7 is one library. The names: ``libcudnn.so.9``
says them itself when it finds none of them («Unable to load any of {libcudnn_ops.so.9.1.0, libcudnn_ops.so.9.1,
libcudnn_ops.so.9, libcudnn_ops.so}»); that of 8 opens SONAMEs.
"""

from __future__ import annotations

from cudepot.catalog.doctor.values import Version

_EIGHT = ("ops_infer", "ops_train", "cnn_infer", "cnn_train", "adv_infer", "adv_train")
_NINE = ("graph", "ops", "cnn", "adv", "heuristic", "engines_precompiled", "engines_runtime_compiled")
_SINCE: tuple[tuple[Version, tuple[str, ...]], ...] = (
    ((9, 22), ("ext",)),
    ((9, 21), ("engines_tensor_ir",)),
    ((9, 0), _NINE),
    ((8, 0), _EIGHT),
)
_BEFORE_THEY_CAME: tuple[tuple[Version, tuple[str, ...]], ...] = (((9, 20), ("engines_tensor_ir",)),)
"""Parts that a version opens where the loader finds them, though it has none itself: 9.20.0.48's graph library names
``libcudnn_engines_tensor_ir``, its wheel lacks it, and a newer system's is taken (pytorch 185512, 188892)."""
JIT = ("graph", "engines_runtime_compiled")
"""All that the package ``libcudnn9-jit`` has beside the first library."""


def parts(version: Version) -> tuple[str, ...]:
    """Return the names of the parts beside ``libcudnn``: ``ops`` for ``libcudnn_ops``."""
    found: tuple[str, ...] = ()
    for first, names in _SINCE:
        if version[0] == first[0] and version[:2] >= first:
            found = (*names, *found)
    return found


def taken_if_there(version: Version) -> tuple[str, ...]:
    """Return the names of parts that a version does not have, and opens all the same where another copy has them."""
    return next((names for which, names in _BEFORE_THEY_CAME if version[:2] == which), ())


def came_with(part: str) -> Version | None:
    """Return the minor version that is the first to have a part; None for a name that none has."""
    return next((first for first, names in _SINCE if part in names), None)


def opened_names(stem: str, version: Version) -> tuple[str, ...]:
    """Return the names under which the first library of a version opens a part, in its order."""
    soname = f"{stem}.so.{version[0]}"
    if version[0] < 9 or len(version) < 3:
        return (soname,)
    full = ".".join(map(str, version[:3]))
    return (f"{stem}.so.{full}", f"{stem}.so.{version[0]}.{version[1]}", soname, f"{stem}.so")
