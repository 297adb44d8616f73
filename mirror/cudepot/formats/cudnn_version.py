"""Reads from cuDNN's own files which version they are, without loading or compiling anything.

cuDNN 8 and 9: its parts carry objects of four bytes, ``cudnn_ops_infer_version`` and the like: patch, minor, major, 0
(seen in 8.5.0 and 9.10.2). cuDNN 7, one library on x86_64: ``cudnnGetVersion`` moves the number into a register.
Headers: ``CUDNN_MAJOR``, ``CUDNN_MINOR``, ``CUDNN_PATCHLEVEL``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from elftools.elf.elffile import ELFFile
from elftools.elf.hash import GNUHashSection

from cudepot.formats.elf import FAULTS

Version = tuple[int, int, int]

_OBJECTS = tuple(
    f"cudnn_{part}_version"
    for part in (
        "graph",
        "ops_infer",
        "ops_train",
        "cnn_infer",
        "cnn_train",
        "adv_infer",
        "adv_train",
        "ops",
        "cnn",
        "adv",
    )
)
_MOVE = re.compile(rb"\xb8(....)(?=.{0,8}\xc3)", re.DOTALL)
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+CUDNN_(MAJOR|MINOR|PATCHLEVEL)[ \t]+(\d{1,4})\b", re.MULTILINE)
_MOST_CODE = 4096


def library_version(stream: BinaryIO) -> Version | None:
    """Return the version a library of cuDNN was built as; None when it does not say or is damaged."""
    try:
        elf = ELFFile(stream)
        for data in _symbols(elf, _OBJECTS, 4):
            if len(data) == 4 and data[3] == 0 and data[2] >= 7:
                return data[2], data[1], data[0]
        for code in _symbols(elf, ("cudnnGetVersion",), _MOST_CODE):
            return _moved(code) if elf["e_machine"] == "EM_X86_64" else None
    except FAULTS:
        return None
    return None


def header_version(text: bytes) -> Version | None:
    """Return the version a header says; None when it says none."""
    found = {name: int(number) for name, number in _MACRO.findall(text)}
    return (found[b"MAJOR"], found[b"MINOR"], found[b"PATCHLEVEL"]) if len(found) == 3 else None


def from_number(number: int) -> Version:
    """Return the version that CUDNN_VERSION stands for: a thousand a major up to 8, ten thousand since 9."""
    major = 10000 if number >= 90000 else 1000
    return number // major, number % major // 100, number % 100


def _symbols(elf: Any, names: tuple[str, ...], most: int) -> Iterator[bytes]:
    """Give the bytes of the symbols of these names that the library defines."""
    table = next((one for one in elf.iter_sections() if isinstance(one, GNUHashSection)), None)
    for name in names:
        symbol = table.get_symbol(name) if table else None
        offset = next(elf.address_offsets(symbol["st_value"]), None) if symbol else None
        if symbol and offset is not None:
            elf.stream.seek(offset)
            yield elf.stream.read(min(symbol["st_size"], most))


def _moved(code: bytes) -> Version | None:
    numbers = [int.from_bytes(one, "little") for one in _MOVE.findall(code)]
    return next((from_number(one) for one in numbers if 7000 <= one < 9000 or 90000 <= one < 200000), None)
