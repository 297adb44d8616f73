"""Reads from a DLL what packaging must know: machine, the name it exports itself under, the DLLs it imports.

Format: Microsoft's Portable Executable specification. pefile does the parsing, over a memory map: a DLL of half a
gigabyte is not read.
"""

from __future__ import annotations

import io
import mmap
from itertools import islice
from typing import BinaryIO

import pefile

from cudepot.errors import FormatError
from cudepot.formats.library import DAMAGED, LibraryInfo

_MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64"}
_DLL = 0x2000
_EXPORT, _IMPORT = 0, 1
_NAME = 12  # offset of the name's address in the export directory
_MOST_IMPORTS = 4096
_MOST_NAME = 255
_FAULTS = (pefile.PEFormatError, *DAMAGED)


def read_pe(stream: BinaryIO, *, what: str = "library") -> LibraryInfo:
    """Read the headers of a DLL; ``stream`` must be seekable, and of a file where memory counts.

    Raises:
        FormatError: not a DLL, or a damaged one.
    """
    try:
        with pefile.PE(data=_mapped(stream), fast_load=True) as pe:
            pe.parse_data_directories([_IMPORT])
            header = pe.FILE_HEADER
            if not header.Characteristics & _DLL:
                raise ValueError("it is not a DLL")
            return LibraryInfo(_MACHINES.get(header.Machine, hex(header.Machine)), _exported(pe), _imported(pe))
    except _FAULTS as error:
        raise FormatError(
            f"{what}: not a readable DLL ({type(error).__name__}: {str(error)[:120]})",
            hint="compare the artifact's sha256 with the published one",
        ) from error


def _mapped(stream: BinaryIO) -> mmap.mmap | bytes:
    try:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except io.UnsupportedOperation:
        return stream.read()


def _exported(pe: pefile.PE) -> str:
    """Return the name in the export directory, which pefile reads with all of its section: up to 100 MB here."""
    directory = pe.OPTIONAL_HEADER.DATA_DIRECTORY[_EXPORT]
    if not directory.VirtualAddress:
        return ""
    name = int.from_bytes(pe.get_data(directory.VirtualAddress + _NAME, 4), "little")
    found: bytes = pe.get_string_at_rva(name, _MOST_NAME) or b""
    return found.decode("ascii", "replace")


def _imported(pe: pefile.PE) -> tuple[str, ...]:
    found = islice(getattr(pe, "DIRECTORY_ENTRY_IMPORT", ()), _MOST_IMPORTS)
    return tuple(entry.dll.decode("ascii", "replace") for entry in found)
