"""Which file each program gets that loads cuDNN: frameworks by their own search path, others as the loader finds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cudepot.catalog.doctor.parts import opened_names, parts, taken_if_there
from cudepot.catalog.doctor.places import MAJORS
from cudepot.catalog.doctor.values import Copy, Environment, EnvironmentKind, Library, Part, Program, Version
from cudepot.errors import FormatError
from cudepot.formats.elf import read_elf
from cudepot.formats.library import LibraryInfo
from cudepot.probe.loader import Found, Loader, Loading
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.copies import library


@dataclass(frozen=True, slots=True)
class Asking:
    """Whoever asks for cuDNN.

    Attributes:
        name, prefix: what it is, and its environment.
        soname: what it asks for.
        by: the objects whose search paths count: who asks, who loaded that, up to the executable.
        lowest, needs, wheel: as in :class:`Program`.
        preloads: see :class:`cudepot.catalog.doctor.frameworks.Framework`.
        beside: files that its own Python code looks for, or could.
    """

    name: str
    prefix: str
    soname: str
    by: tuple[Loading, ...]
    lowest: Version | None = None
    needs: bool = True
    wheel: str = ""
    preloads: str = ""
    beside: tuple[str, ...] = ()


def general(machine: Machine, environment: Environment, copies: Sequence[Copy]) -> Iterator[Asking]:
    """Give the programs in general of a conda environment: its Python has a search path that holds for all it loads."""
    python = python_of(machine, environment)
    if python and python.old_rpath and environment.kind == EnvironmentKind.CONDA:
        mine = [one for one in copies if one.prefix == environment.prefix and not _is_bundled(one)]
        for soname in sorted({f"libcudnn.so.{one.major}" for one in mine}):
            yield Asking("programs of the environment", environment.prefix, soname, (python,))


def by_path(copies: Sequence[Copy], programs: Sequence[Program]) -> Iterator[Asking]:
    """Give the programs that load a copy by its path, for each that no other gets: one that brings its own, say."""
    taken_ones = {one.real for one in programs}
    for copy in copies:
        first = copy.named("libcudnn")
        if first and not first.fault and not first.is_mangled and first.real not in taken_ones:
            name, soname = "programs that load it by its path", f"libcudnn.so.{copy.major}"
            yield Asking(name, "", soname, (), preloads="first", beside=(first.path,))


def others(machine: Machine, loader: Loader, copies: Sequence[Copy]) -> Iterator[Program]:
    """Give what a program without a search path of its own gets, for each major version that the loader finds."""
    for major in MAJORS:
        program = taken(machine, loader, Asking("programs that ask the loader", "", f"libcudnn.so.{major}", ()), copies)
        if program.path:
            yield program


def taken(machine: Machine, loader: Loader, one: Asking, copies: Sequence[Copy]) -> Program:
    """Return who asks, with the file it gets, the one it would get without LD_LIBRARY_PATH, and the parts' places."""
    path, why = _found(machine, loader, one) or ("", "")
    own = loader.find(one.soname, one.by, searched=False)
    parted = tuple(_parts(machine, loader, path, one.by, copies)) if path else ()
    real, own_real = machine.real(path) if path else "", machine.real(own.path) if own else ""
    unused = next(filter(machine.exists, one.beside), "") if not path else ""
    return Program(
        one.name, one.prefix, one.soname, path, real, why, own_real, parted, one.lowest, one.needs, one.wheel,
        unused, one.preloads if unused else "",
    )  # fmt: skip


def _found(machine: Machine, loader: Loader, one: Asking) -> Found | None:
    """Return what the loader finds, or what the program's own Python code loads before it or in its place."""
    beside = next(filter(machine.exists, one.beside), "")
    why = "loaded by its Python code" if one.prefix else "itself"
    itself = Found(beside, why) if beside and one.preloads in ("first", "else") else None
    if itself and one.preloads == "first":
        return itself
    return loader.find(one.soname, one.by) or itself


def _is_bundled(copy: Copy) -> bool:
    return any(one.is_mangled for one in copy.libraries) or "-packages/" in copy.folder


def python_of(machine: Machine, environment: Environment) -> Loading | None:
    """Return the search path of an environment's Python, which counts for all that it loads; None without one."""
    path = f"{environment.prefix}/bin/python3"
    elf = elf_of(machine, path) if machine.exists(path) else None
    return Loading(machine.real(path).rpartition("/")[0], elf.runpath, elf.old_rpath) if elf else None


def elf_of(machine: Machine, path: str) -> LibraryInfo | None:
    """Return what an ELF file says of itself; None for any other file, or one that is not there."""
    try:
        with machine.open(path) as stream:
            return read_elf(stream, what=path)
    except (OSError, FormatError):
        return None


def _parts(
    machine: Machine, loader: Loader, path: str, by: Sequence[Loading], copies: Sequence[Copy]
) -> Iterator[Part]:
    """Give where the parts of a taken library come from: it opens them itself, by its own search path."""
    real = machine.real(path)
    copy = next((one for one in copies if any(lib.real == real for lib in one.libraries)), None)
    elf = elf_of(machine, path)
    version = copy.version() if copy else library(machine, path).version
    if elf is None or not version or version[0] < 8:
        return
    asking = (Loading(path.rpartition("/")[0], elf.runpath, elf.old_rpath), *by)
    expected = _expected(copy, version)
    others = [f"libcudnn_{one}" for one in taken_if_there(version) if f"libcudnn_{one}" not in expected]
    for stem in [*expected, *others]:
        found = next((one for name in opened_names(stem, version) if (one := loader.find(name, asking))), None)
        if found is None and stem in expected:
            yield Part(stem, "", "", "", None)
        elif found:
            version_there = _version(machine, found.path, copies)
            yield Part(stem, found.path, machine.real(found.path), found.why, version_there)


def _expected(copy: Copy | None, version: Version) -> list[str]:
    """Return the parts a cuDNN opens: those its package records, else those its version is known to have."""
    recorded = {
        file.path.rpartition("/")[2].partition(".so")[0]
        for one in (copy.packages if copy else ())
        if one.is_cudnn
        for file in one.files
        if f".so.{version[0]}" in file.path
    }
    names = recorded - {"libcudnn"} or {f"libcudnn_{one}" for one in parts(version)}
    return sorted(names)


def _version(machine: Machine, path: str, copies: Sequence[Copy]) -> Version | None:
    """Return the version of a part: as it says itself, else as the copy it belongs to is."""
    real = machine.real(path)
    for copy in copies:
        found: Library | None = next((one for one in copy.libraries if one.real == real), None)
        if found:
            return found.version or copy.version()
    return library(machine, path).version
