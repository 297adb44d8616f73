"""The dynamic loader's search for a library, as ld.so(8) describes it; nothing is loaded.

What LD_PRELOAD has loaded answers to its SONAME. For an object without a RUNPATH the RPATH of it and of those that
loaded it come first, then LD_LIBRARY_PATH, its RUNPATH, ld.so.cache and the default folders. A file for another
processor is passed over, a damaged one is taken (and the loader then fails): glibc's ``open_path`` does so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cudepot.probe.machine import Machine

_ELF = b"\x7fELF"
_MACHINES = {"x86_64": 62, "aarch64": 183, "ppc64le": 21}
"""e_machine of the System V ABI by the kernel's name."""


class Loading(NamedTuple):
    """An object that loads others: its folder, its search path, and whether that is a DT_RPATH."""

    folder: str
    runpath: str
    old_rpath: bool


class Found(NamedTuple):
    """The file the loader takes, and what led there."""

    path: str
    why: str


class Loader:
    """The loader of one machine, with the variables and the cache that lead it."""

    def __init__(
        self, machine: Machine, search: Sequence[str], cache: Sequence[tuple[str, str]], defaults: Sequence[str]
    ) -> None:
        self.machine, self.search, self.defaults = machine, tuple(search), tuple(defaults)
        self.preloaded: dict[str, str] = {}
        self._cache: dict[str, list[str]] = {}
        for name, path in cache:
            self._cache.setdefault(name, []).append(path)

    def find(self, name: str, by: Sequence[Loading] = (), *, searched: bool = True) -> Found | None:
        """Return what is taken for a name; ``by``: who asks, then who loaded that, up to the executable.

        Args:
            name: SONAME or file name.
            by: empty for a program without a search path of its own.
            searched: whether LD_LIBRARY_PATH and LD_PRELOAD count.
        """
        if name in self.preloaded and searched:
            return Found(self.preloaded[name], "LD_PRELOAD")
        for path, why in self._places(name, by, searched=searched):
            if self.machine.exists(path) and self._fits(path):
                return Found(path, why)
        return None

    def _places(self, name: str, by: Sequence[Loading], *, searched: bool) -> Iterator[tuple[str, str]]:
        first = by[0] if by else None
        if first is None or first.old_rpath or not first.runpath:
            for one in by:
                if one.old_rpath:
                    yield from ((f"{folder}/{name}", "RPATH") for folder in _expanded(one))
        if searched:
            yield from ((f"{folder}/{name}", "LD_LIBRARY_PATH") for folder in self.search)
        if first and not first.old_rpath:
            yield from ((f"{folder}/{name}", "RUNPATH") for folder in _expanded(first))
        yield from ((path, "ld.so.cache") for path in self._cache.get(name, ()))
        yield from ((f"{folder}/{name}", "default folder") for folder in self.defaults)

    def _fits(self, path: str) -> bool:
        """Return whether a file is for this machine's processor, or no ELF file at all."""
        wanted = _MACHINES.get(os.uname().machine) if self.machine.is_this_one() else None
        return wanted is None or elf_machine(self.machine, path) in (wanted, None)


def elf_machine(machine: Machine, path: str) -> int | None:
    """Return e_machine of an ELF file; None for any other file."""
    try:
        with machine.open(path) as stream:
            head = stream.read(20)
    except OSError:
        return None
    return int.from_bytes(head[18:20], "little") if head.startswith(_ELF) and len(head) == 20 else None


def _expanded(one: Loading) -> Iterator[str]:
    for part in filter(None, one.runpath.split(":")):
        path = part.replace("${ORIGIN}", one.folder).replace("$ORIGIN", one.folder)
        yield os.path.normpath(path)
