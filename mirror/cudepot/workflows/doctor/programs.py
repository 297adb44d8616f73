"""Which file each program gets that loads cuDNN: frameworks by their own search path, others as the loader finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cudepot.catalog.doctor.frameworks import FRAMEWORKS, Framework
from cudepot.catalog.doctor.parts import opened_names, parts
from cudepot.catalog.doctor.places import MAJORS
from cudepot.catalog.doctor.records import requirement
from cudepot.catalog.doctor.values import Copy, Environment, Library, Part, Program, Version
from cudepot.errors import FormatError
from cudepot.formats.elf import read_elf
from cudepot.formats.library import LibraryInfo
from cudepot.probe.loader import Loader, Loading
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.copies import library

_CUDNN = re.compile(r"libcudnn(?:-[0-9a-f]{8})?\.so\.[\d.]+")


_DEEPEST = 4  # an extension module, its libraries, theirs


@dataclass(frozen=True, slots=True)
class Asking:
    """Whoever asks for cuDNN: its name, its environment, the SONAME, and the objects whose search paths count."""

    name: str
    prefix: str
    soname: str
    by: tuple[Loading, ...]
    lowest: Version | None = None
    needs: bool = True


def programs_of(
    machine: Machine, loader: Loader, environment: Environment, copies: Sequence[Copy]
) -> Iterator[Program]:
    """Give the frameworks of an environment, and, of one of conda, its programs in general."""
    python = _python(machine, environment)
    asking = [
        one
        for site in environment.sites
        for row in FRAMEWORKS
        for one in _framework(machine, loader, environment, site, row, copies)
    ]
    if python and python.old_rpath and environment.kind == "conda":
        mine = [one for one in copies if one.prefix == environment.prefix and not _is_bundled(one)]
        sonames = {f"libcudnn.so.{one.major}" for one in mine}
        asking += [Asking("programs of the environment", environment.prefix, one, (python,)) for one in sorted(sonames)]
    yield from (taken(machine, loader, one, copies) for one in asking)


def others(machine: Machine, loader: Loader, copies: Sequence[Copy]) -> Iterator[Program]:
    """Give what a program without a search path of its own gets, for each major version that the loader finds."""
    for major in MAJORS:
        program = taken(machine, loader, Asking("programs that ask the loader", "", f"libcudnn.so.{major}", ()), copies)
        if program.path:
            yield program


def taken(machine: Machine, loader: Loader, one: Asking, copies: Sequence[Copy]) -> Program:
    """Return who asks, with the file it gets, the one it would get without LD_LIBRARY_PATH, and the parts' places."""
    found, own = loader.find(one.soname, one.by), loader.find(one.soname, one.by, searched=False)
    path, why = found or ("", "")
    parted = tuple(_parts(machine, loader, path, one.by, copies)) if path else ()
    real, own_real = machine.real(path) if path else "", machine.real(own.path) if own else ""
    return Program(one.name, one.prefix, one.soname, path, real, why, own_real, parted, one.lowest, one.needs)


def _is_bundled(copy: Copy) -> bool:
    return any(one.is_mangled for one in copy.libraries) or "-packages/" in copy.folder


def _python(machine: Machine, environment: Environment) -> Loading | None:
    path = f"{environment.prefix}/bin/python3"
    elf = _elf(machine, path) if machine.exists(path) else None
    return Loading(machine.real(path).rpartition("/")[0], elf.runpath, elf.old_rpath) if elf else None


def _elf(machine: Machine, path: str) -> LibraryInfo | None:
    try:
        with machine.open(path) as stream:
            return read_elf(stream, what=path)
    except (OSError, FormatError):
        return None


def _framework(
    machine: Machine, loader: Loader, environment: Environment, site: str, row: Framework, copies: Sequence[Copy]
) -> Iterator[Asking]:
    """Give the framework once for each cuDNN that its files ask for."""
    files = [path for pattern in row.files for path in machine.matches(f"{site}/{pattern}")]
    if not files:
        return
    name, lowest = _installed(machine, site, row)
    python = _python(machine, environment)
    seen = set()
    for path in files:
        for soname, by in _asked(machine, loader, site, path, (python,) if python else (), row, lowest, copies):
            if soname not in seen:
                seen.add(soname)
                yield Asking(name, environment.prefix, soname, by, lowest, row.linked)


def _asked(
    machine: Machine,
    loader: Loader,
    site: str,
    path: str,
    by: tuple[Loading, ...],
    row: Framework,
    lowest: Version | None,
    copies: Sequence[Copy],
) -> Iterator[tuple[str, tuple[Loading, ...]]]:
    """Give what a file asks for of cuDNN, itself or through the framework's libraries that it is linked with."""
    elf = _elf(machine, path)
    if elf is None or len(by) > _DEEPEST:
        return
    chain = (Loading(path.rpartition("/")[0], elf.runpath, elf.old_rpath), *by)
    sonames = _sonames(elf, row, lowest, copies)
    yield from ((one, chain) for one in sonames)
    for name in () if sonames else elf.needed:
        found = loader.find(name, chain)
        if found and machine.real(found.path).startswith(f"{machine.real(site)}/"):
            yield from _asked(machine, loader, site, found.path, chain, row, lowest, copies)


def _sonames(elf: LibraryInfo, row: Framework, lowest: Version | None, copies: Sequence[Copy]) -> list[str]:
    """Return what a file asks for: as it is linked, else what its metadata names, else the newest there is."""
    linked = [one for one in elf.needed if _CUDNN.fullmatch(one)]
    if linked or row.linked:
        return linked
    if lowest:
        return [f"libcudnn.so.{lowest[0]}"]
    there = {one.major for one in copies}
    return [f"libcudnn.so.{one}" for one in MAJORS if one in there][:1]


def _installed(machine: Machine, site: str, row: Framework) -> tuple[str, Version | None]:
    """Return a framework's name with its version, and the cuDNN that its metadata asks for at least."""
    folders = machine.matches(f"{site}/{row.project}-*.dist-info")
    plugins = machine.matches(f"{site}/{row.plugin}-*.dist-info") if row.plugin else []
    lowest = next(
        (found for one in [*folders, *plugins] if (found := requirement(machine.text(f"{one}/METADATA")))), None
    )
    if not folders:
        return row.project.rstrip("*"), lowest
    name, _, version = folders[0].rpartition("/")[2].removesuffix(".dist-info").partition("-")
    return f"{name} {version}", lowest


def _parts(
    machine: Machine, loader: Loader, path: str, by: Sequence[Loading], copies: Sequence[Copy]
) -> Iterator[Part]:
    """Give where the parts of a taken library come from: it opens them itself, by its own search path."""
    real = machine.real(path)
    copy = next((one for one in copies if any(lib.real == real for lib in one.libraries)), None)
    elf = _elf(machine, path)
    version = copy.version() if copy else library(machine, path).version
    if elf is None or not version or version[0] < 8:
        return
    asking = (Loading(path.rpartition("/")[0], elf.runpath, elf.old_rpath), *by)
    for stem in _expected(copy, version):
        found = next((one for name in opened_names(stem, version) if (one := loader.find(name, asking))), None)
        if found is None:
            yield Part(stem, "", "", "", None)
        else:
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
