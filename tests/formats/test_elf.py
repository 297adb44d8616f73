"""ELF headers of libraries compiled on the spot, and of damaged ones."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.elf import Library, shared_library

from cudepot.errors import FormatError
from cudepot.formats.elf import read_elf
from cudepot.formats.library import LibraryInfo

LIBRARY = Library(
    "libcudnn_adv.so.9", "test", needed=("libcudnn_ops.so.9", "libz.so.1"), runpath="$ORIGIN:$ORIGIN/x", glibc="2.27"
)


@pytest.mark.tools
def test_reads_what_the_linker_wrote() -> None:
    info = read_elf(io.BytesIO(shared_library(LIBRARY)))
    assert info == LibraryInfo(
        "x86_64", "libcudnn_adv.so.9", (*LIBRARY.needed, *info.needed[2:]), "$ORIGIN:$ORIGIN/x", (2, 27)
    )
    assert set(info.needed[2:]) <= {"libc.so.6"}


@pytest.mark.tools
def test_floor_and_machine_differ_by_library() -> None:
    info = read_elf(io.BytesIO(shared_library(Library("libx.so.8", "old", machine="aarch64"))))
    assert (info.machine, info.glibc, info.runpath) == ("aarch64", (2, 14), "")


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF" + bytes(60), b"text" * 100])
def test_what_is_no_elf_is_a_format_error_naming_the_file(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"lib/libx\.so\.8"):
        read_elf(io.BytesIO(data), what="lib/libx.so.8")


@pytest.mark.tools
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=64))
def test_damaged_headers_never_raise_anything_else(at: int, junk: bytes) -> None:
    data = bytearray(shared_library(LIBRARY))
    at %= len(data)
    data[at : at + len(junk)] = junk
    with contextlib.suppress(FormatError):
        read_elf(io.BytesIO(bytes(data)))
