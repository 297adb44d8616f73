"""What a shared library says about itself, whatever its format."""

from __future__ import annotations

import struct
from dataclasses import dataclass

DAMAGED: tuple[type[Exception], ...] = (
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
    struct.error,
)
"""What parsers of libraries raise on a damaged file, besides the errors they have of their own."""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What the headers of an ELF library or a DLL say.

    Attributes:
        machine: ``x86_64``, ``aarch64``, ``ppc64le``, or the parser's name of another machine.
        soname: DT_SONAME, or the name in a DLL's export directory; empty when there is none.
        needed: DT_NEEDED, or the imported DLLs, in file order.
        runpath: DT_RUNPATH, else DT_RPATH; empty when there is neither, and for a DLL.
        glibc: highest ``GLIBC_x.y`` needed, ``(0, 0)`` when the library needs none.
        old_rpath: the search path is a DT_RPATH, which goes before LD_LIBRARY_PATH.
    """

    machine: str
    soname: str
    needed: tuple[str, ...]
    runpath: str = ""
    glibc: tuple[int, int] = (0, 0)
    old_rpath: bool = False
