"""Compiles tiny shared libraries with the ELF facts of cuDNN: SONAME, version node, RUNPATH, NEEDED, glibc floor.

The libraries do nothing, but loaders, ``readelf`` and packaging tools see what they would see in NVIDIA's:
the symbol version node is the SONAME itself, only ``libcudnn.so`` of 8.x carries ``$ORIGIN``, and the
sub-libraries need each other, cuBLAS and zlib as measured. No path of this machine gets into the bytes.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from simulator.built import kept
from simulator.process import run

MACHINES = {"x86_64": 62, "aarch64": 183, "ppc64le": 21}
"""ELF ``e_machine`` by architecture; a library is compiled for the host and relabelled."""

_LARGE = 1_000_000
"""Bytes of padding from which on a library is not kept for other processes."""
_GLIBC_FLOOR = {
    # one call whose default symbol version is the newest that the real libraries ask for
    "2.14": ("#include <string.h>", "memcpy(to, from, n)"),
    "2.27": ("#include <glob.h>", "(void *)(long)glob(from, 0, 0, to)"),
}


@dataclass(frozen=True)
class Library:
    """What one shared library shall look like.

    Attributes:
        soname: e.g. ``libcudnn.so.8``; also the name of its symbol version node.
        text: any string that makes its bytes differ from another library's.
        functions: exported functions without arguments, with the number each returns.
        needed: SONAMEs it is linked against.
        runpath: DT_RUNPATH, or none.
        padding: that many incompressible bytes of data, for tests of large transfers.
        machine: a key of :data:`MACHINES`.
        code: further C, as it stands.
    """

    soname: str
    text: str
    functions: tuple[tuple[str, int], ...] = ()
    needed: tuple[str, ...] = ()
    runpath: str = ""
    padding: int = 0
    glibc: str = "2.14"
    machine: str = "x86_64"
    flags: tuple[str, ...] = field(default=())
    code: str = ""


def source(library: Library) -> str:
    """Return the C text of ``library``."""
    include, call = _GLIBC_FLOOR[library.glibc]
    stem = library.soname.split(".")[0].replace("-", "_")
    functions = "".join(f"unsigned long {name}(void) {{ return {value}UL; }}\n" for name, value in library.functions)
    return (
        f"{include}\n"
        f'const char {stem}_text[] = "{library.text}";\n'
        f"{functions}{library.code}"
        f"void *{stem}_touch(void *to, const void *from, unsigned long n) {{ return {call}; }}\n"
        '__asm__(".section .rodata\\n.incbin \\"padding\\"\\n.text\\n");\n'
    )


@cache
def shared_library(library: Library) -> bytes:
    """Return the bytes of ``library``; the same description gives the same bytes."""
    return kept(repr(library), lambda: _compiled(library)) if library.padding < _LARGE else _compiled(library)


def _compiled(library: Library) -> bytes:
    with tempfile.TemporaryDirectory(prefix="elf-") as name:
        folder = Path(name)
        _write_inputs(folder, library)
        run("gcc", *_arguments(folder, library), cwd=folder)
        return _relabelled((folder / "out.so").read_bytes(), library.machine)


@cache
def static_archive(text: str, *names: str) -> bytes:
    """Return a static archive with one object per name."""
    with tempfile.TemporaryDirectory(prefix="elf-") as folder_name:
        folder = Path(folder_name)
        for name in names:
            (folder / f"{name}.c").write_text(f'const char {name}_text[] = "{text}";\n')
            run("gcc", "-c", "-O1", "-g0", f"{name}.c", "-o", f"{name}.o", cwd=folder)
        run("ar", "rcsD", "out.a", *(f"{name}.o" for name in names), cwd=folder)
        return (folder / "out.a").read_bytes()


def stub(soname: str) -> bytes:
    """Return an empty library that only has a name, for others to be linked against."""
    return kept(f"stub {soname}", lambda: _stub(soname))


def _stub(soname: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="elf-") as name:
        (Path(name) / "in.c").write_text("")
        run("gcc", *_COMMON, f"-Wl,-soname,{soname}", "-o", "out.so", "in.c", cwd=Path(name))
        return (Path(name) / "out.so").read_bytes()


_COMMON = ("-shared", "-fPIC", "-O1", "-g0", "-s", "-nostartfiles", "-Wl,--build-id=sha1", "-w")


def _write_inputs(folder: Path, library: Library) -> None:
    (folder / "in.c").write_text(source(library))
    (folder / "padding").write_bytes(hashlib.shake_128(library.text.encode()).digest(library.padding))
    node = library.soname.replace("-", "_")  # the linker takes no dashes there
    (folder / "map").write_text(f"{node} {{ global: *; }};\n")
    for needed in library.needed:
        (folder / needed).write_bytes(stub(needed))


def _arguments(folder: Path, library: Library) -> list[str]:
    runpath = ["-Wl,--enable-new-dtags", f"-Wl,-rpath,{library.runpath}"] if library.runpath else []
    return [
        *_COMMON, *library.flags, f"-Wl,-soname,{library.soname}", "-Wl,--version-script=map", *runpath,
        "-o", "out.so", "in.c", "-Wl,--no-as-needed", *(f"./{needed}" for needed in library.needed),
    ]  # fmt: skip


def _relabelled(elf: bytes, machine: str) -> bytes:
    """Return ``elf`` with another ``e_machine``: enough for tools that read headers and never run it."""
    return elf[:18] + MACHINES[machine].to_bytes(2, "little") + elf[20:]
