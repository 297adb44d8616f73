"""Reads from a shared library what packaging must know: machine, SONAME, needs, search path, oldest glibc.

Format: ELF (System V gABI, dynamic section) and the GNU symbol versions of the Linux Standard Base, section
``.gnu.version_r``. pyelftools does the parsing.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import BinaryIO

from elftools.common.exceptions import ELFError
from elftools.construct.core import ConstructError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from cudepot.errors import FormatError
from cudepot.formats.library import DAMAGED, LibraryInfo

# Loops over a hostile file's tables must end: real libraries have a few dozen entries.
_MOST_TAGS = 4096
_MOST_SEGMENTS = 256
_MOST_VERSIONS = 4096
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64", "EM_PPC64": "ppc64le"}
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
FAULTS: tuple[type[Exception], ...] = (ELFError, ConstructError, AssertionError, *DAMAGED)


def read_elf(stream: BinaryIO, *, what: str = "library") -> LibraryInfo:
    """Read the headers of a shared library; ``stream`` must be seekable and is not read as a whole.

    Raises:
        FormatError: not an ELF file, or a damaged one.
    """
    try:
        elf = ELFFile(stream)
        tags = _dynamic(elf)
        return LibraryInfo(
            _MACHINES.get(elf["e_machine"], str(elf["e_machine"])),
            "".join(tags.get("DT_SONAME", [])[:1]),
            tuple(tags.get("DT_NEEDED", [])),
            "".join((tags.get("DT_RUNPATH") or tags.get("DT_RPATH") or [])[:1]),
            _glibc_floor(elf),
            "DT_RPATH" in tags and "DT_RUNPATH" not in tags,
        )
    except FAULTS as error:
        why = f" ({type(error).__name__}: {str(error)[:120]})" if str(error) else ""
        raise FormatError(
            f"{what}: not a readable ELF file{why}",
            hint="compare the artifact's sha256 with the published one",
        ) from error


def _dynamic(elf: ELFFile) -> dict[str, list[str]]:
    """Return the strings of the dynamic section by tag name."""
    tags: dict[str, list[str]] = {}
    for segment in islice(elf.iter_segments(), _MOST_SEGMENTS):
        if not isinstance(segment, DynamicSegment):
            continue
        for tag in islice(segment.iter_tags(), _MOST_TAGS):
            for kind in ("soname", "needed", "runpath", "rpath"):
                if hasattr(tag, kind):
                    tags.setdefault(tag.entry.d_tag, []).append(getattr(tag, kind))
    return tags


def _glibc_floor(elf: ELFFile) -> tuple[int, int]:
    """Return the highest glibc version any symbol needs."""
    floor = (0, 0)
    for section in islice(elf.iter_sections(), _MOST_VERSIONS):
        if not isinstance(section, GNUVerNeedSection):
            continue
        for _, symbols in islice(section.iter_versions(), _MOST_VERSIONS):
            for symbol in islice(symbols, _MOST_VERSIONS):
                if version := _GLIBC.fullmatch(symbol.name):
                    floor = max(floor, (int(version[1]), int(version[2])))
    return floor
