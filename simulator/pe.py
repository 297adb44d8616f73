"""Compiles tiny DLLs with mingw-w64: the name they export themselves under, an import library, a function or two."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simulator.process import run


@dataclass(frozen=True)
class Dll:
    """What one DLL shall look like.

    Attributes:
        name: file name and exported name, ``cudnn64_8.dll``.
        text: any string that makes its bytes differ from another's.
        functions: exported functions without arguments, with the number each returns.
        needed: names of DLLs it imports from, beside ``KERNEL32.dll``.
        padding: bytes of constant data, which lie in the section that has the exports too.
    """

    name: str
    text: str
    functions: tuple[tuple[str, int], ...] = ()
    needed: tuple[str, ...] = ()
    padding: int = 0


@cache
def dll(one: Dll) -> tuple[bytes, bytes]:
    """Return the bytes of a DLL and of its import library; the same description gives the same bytes."""
    with tempfile.TemporaryDirectory(prefix="pe-") as name:
        folder = Path(name)
        (folder / "in.c").write_text(_source(one))
        imports = [_import_library(folder, needed) for needed in one.needed]
        run(
            "x86_64-w64-mingw32-gcc", "-shared", "-nostdlib", "-O1", "-g0", "-s", "-w", "-Wl,--no-insert-timestamp",
            "-Wl,--out-implib=out.lib", "-o", one.name, "in.c", *imports, "-lkernel32", cwd=folder,
        )  # fmt: skip
        return (folder / one.name).read_bytes(), (folder / "out.lib").read_bytes()


def _source(one: Dll) -> str:
    functions = (*one.functions, (_function(one.name), 1))
    lines = [f"__declspec(dllexport) unsigned long {name}(void) {{ return {value}UL; }}" for name, value in functions]
    calls = "".join(f" + {_function(name)}()" for name in one.needed)
    declared = "".join(f"__declspec(dllimport) unsigned long {_function(name)}(void);\n" for name in one.needed)
    return (
        f"unsigned long __stdcall GetTickCount(void);\n{declared}"
        f'const char text[] = "{one.text}";\nconst char padding[{one.padding + 1}] = {{1}};\n' + "\n".join(lines) + "\n"
        "int __stdcall DllMainCRTStartup(void *a, unsigned b, void *c) "
        f"{{ return (int)(GetTickCount(){calls} + text[b & 1]); }}\n"
    )


def _function(name: str) -> str:
    return f"{name.split('.', maxsplit=1)[0]}_imported"


def _import_library(folder: Path, name: str) -> str:
    stem = name.split(".", maxsplit=1)[0]
    (folder / f"{stem}.def").write_text(f"LIBRARY {name}\nEXPORTS\n{_function(name)}\n")
    run("x86_64-w64-mingw32-dlltool", "-d", f"{stem}.def", "-l", f"{stem}.a", cwd=folder)
    return f"{stem}.a"
