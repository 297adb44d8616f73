"""DLLs: real ones of mingw-w64, and damaged ones."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.pe import Dll, dll
from simulator.process import run

from cudepot.errors import FormatError
from cudepot.formats.pe import read_pe

pytestmark = pytest.mark.tools

ONE = Dll("cudnn_cnn64_9.dll", "stand-in", needed=("cudnn_ops64_9.dll",))


def test_reads_machine_name_and_imports(tmp_path: Path) -> None:
    data, _ = dll(ONE)
    (tmp_path / "x.dll").write_bytes(data)
    with (tmp_path / "x.dll").open("rb") as stream:
        info = read_pe(stream)
    assert (info.machine, info.soname, info.runpath, info.glibc) == ("x86_64", "cudnn_cnn64_9.dll", "", (0, 0))
    assert sorted(info.needed) == ["KERNEL32.dll", "cudnn_ops64_9.dll"]
    told = run("x86_64-w64-mingw32-objdump", "-p", tmp_path / "x.dll").stdout
    assert all(f"DLL Name: {name}" in told for name in info.needed)
    assert read_pe(io.BytesIO(data)) == info


def test_another_machine_is_told() -> None:
    data = bytearray(dll(ONE)[0])
    at = int.from_bytes(data[60:64], "little") + 4
    data[at : at + 2] = (0xAA64).to_bytes(2, "little")
    assert read_pe(io.BytesIO(bytes(data))).machine == "aarch64"


def test_memory_does_not_grow_with_the_dll(tmp_path: Path) -> None:
    data, _ = dll(Dll("cudnn_heuristic64_9.dll", "x", padding=40 << 20))
    (tmp_path / "x.dll").write_bytes(data)
    tracemalloc.start()
    with (tmp_path / "x.dll").open("rb") as stream:
        assert read_pe(stream).soname == "cudnn_heuristic64_9.dll"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) > 40 << 20
    assert peak < 4 << 20


@pytest.mark.parametrize("size", [0, 2, 60, 200, 400])
def test_what_is_cut_off_is_no_dll(size: int) -> None:
    with pytest.raises(FormatError, match="not a readable DLL"):
        read_pe(io.BytesIO(dll(ONE)[0][:size]))


def test_a_program_is_no_dll() -> None:
    data = bytearray(dll(ONE)[0])
    at = int.from_bytes(data[60:64], "little") + 22
    data[at + 1] &= ~0x20
    with pytest.raises(FormatError, match="it is not a DLL"):
        read_pe(io.BytesIO(bytes(data)))
    with pytest.raises(FormatError):
        read_pe(io.BytesIO(b"\x7fELF" + bytes(500)))


@given(st.data())
def test_no_damage_gives_anything_but_a_format_error(data: st.DataObject) -> None:
    whole = bytearray(dll(ONE)[0])
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, min(len(whole), 2000) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FormatError):
        read_pe(io.BytesIO(bytes(whole)))
