"""Follows what a program is linked with, as the loader does: breadth first, each name once, whoever asks first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from cudepot.formats.library import LibraryInfo
from cudepot.probe.loader import Loader, Loading
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.programs import elf_of

_MOST_OBJECTS = 2000
_PIECE = 4 << 20
_OPENED = re.compile(rb"libcudnn(?:_\w{1,40})?\.so\.\d{1,2}(?:\.\d{1,3}){0,2}(?=\0)")
_LONGEST = 128  # bytes of such a name, and the zero behind it


@dataclass(frozen=True, slots=True)
class Object:
    """A file that is loaded with a program.

    Attributes:
        by: its own search path, then those of who loaded it, up to the program.
    """

    path: str
    elf: LibraryInfo
    by: tuple[Loading, ...]


def closure(machine: Machine, loader: Loader, program: str) -> list[Object]:
    """Return a program or library, and all that is loaded with it; what the loader does not find is left out."""
    waiting: deque[tuple[str, tuple[Loading, ...]]] = deque([(program, ())])
    names: set[str] = set()
    done: dict[str, Object] = {}
    while waiting and len(done) < _MOST_OBJECTS:
        path, by = waiting.popleft()
        elf = elf_of(machine, path)
        if elf is None or machine.real(path) in done:
            continue
        chain = (Loading(_origin(machine, path, by), elf.runpath, elf.old_rpath), *by)
        done[machine.real(path)] = Object(path, elf, chain)
        fresh = [name for name in elf.needed if name not in names]
        names.update(fresh)
        waiting += [(found.path, chain) for name in fresh if (found := loader.find(name, chain))]
    return list(done.values())


def _origin(machine: Machine, path: str, by: tuple[Loading, ...]) -> str:
    """Return what ``$ORIGIN`` stands for: of a program with links followed, of a library as it was found."""
    return (path if by else machine.real(path)).rpartition("/")[0]


def opened(machine: Machine, loader: Loader, one: Object) -> list[str]:
    """Return the names of cuDNN in an object's text, as one that opens it by name has; of none of the system's."""
    if any(machine.real(one.path).startswith(f"{folder}/") for folder in loader.defaults):
        return []
    return sorted({found.decode() for found in _texts(machine, one.path)})


def _texts(machine: Machine, path: str) -> Iterator[bytes]:
    with machine.open(path) as stream:
        tail = b""
        while piece := stream.read(_PIECE):
            yield from _OPENED.findall(tail + piece)
            tail = (tail + piece)[-_LONGEST:]
