"""Looks at one program: which cuDNN it loads, itself or, if Python runs it, by what its environment has."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cudepot.catalog.doctor.judge import judge
from cudepot.catalog.doctor.scripts import interpreter, is_python
from cudepot.catalog.doctor.values import Copy, Environment, Finding, Package
from cudepot.errors import ConfigError
from cudepot.ports import Progress
from cudepot.probe.loader import Loader
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.around import loader_of, look_around
from cudepot.workflows.doctor.closure import Object, closure, opened
from cudepot.workflows.doctor.copies import copies_of, loaders_copies
from cudepot.workflows.doctor.diagnose import Diagnosis, diagnose, led_to, renewed
from cudepot.workflows.doctor.environments import environment_around, on_path, python_prefix
from cudepot.workflows.doctor.frameworks import frameworks_of
from cudepot.workflows.doctor.programs import Asking, taken
from cudepot.workflows.doctor.records import compared, packages_of

_HEAD = 4096
_FIRST = re.compile(r"libcudnn(?:-[0-9a-f]{8})?\.so\.[\d.]+")
_ANY = re.compile(r"libcudnn\w*(?:-[0-9a-f]{8})?\.so\.[\d.]+")


def diagnose_program(machine: Machine, program: str, *, progress: Progress | None = None) -> tuple[Diagnosis, str]:
    """Look at what one program gets: an executable, a library, or a script or interpreter of Python.

    Args:
        machine: the machine, or an image of one.
        program: a path of that machine, or a name on PATH.
        progress: is told how far hashing is; None compares sizes only and hashes nothing.

    Returns:
        what it gets and what is wrong with it, and a line that says how it was followed.

    Raises:
        ConfigError: it is not there, no ELF file, and no script of Python.
    """
    path = _located(machine, program)
    if is_python(path) or is_python(machine.real(path)):
        return _of_python(machine, path, f"{path}: a Python", progress)
    if asked := interpreter(_head(machine, path)):
        python = asked if asked.startswith("/") else on_path(machine, asked)
        if not is_python(asked) or not machine.exists(python):
            raise ConfigError(f"{path}: a script for {asked}, not for Python", hint="name the program that it starts")
        return _of_python(machine, python, f"{path}: run by {python}", progress)
    return _of_elf(machine, path, progress)


def _located(machine: Machine, program: str) -> str:
    path = program if "/" in program else on_path(machine, program)
    if not path or not machine.exists(path) or machine.is_folder(path):
        raise ConfigError(f"{program}: no such program", hint="a path, or a name on PATH; --prefix takes folders")
    return path


def _head(machine: Machine, path: str) -> bytes:
    try:
        with machine.open(path) as stream:
            return stream.read(_HEAD)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a program that you may read") from error


def _of_python(machine: Machine, python: str, line: str, progress: Progress | None) -> tuple[Diagnosis, str]:
    prefix = python_prefix(machine, python)
    if not prefix:
        raise ConfigError(f"{python}: does not run", hint="name the Python itself, not a wrapper")
    result = diagnose(machine, prefix, progress=progress)
    said = f"{line}, which sees the packages of {prefix}"
    if result.programs:
        return result, said
    return replace(result, findings=_of_its_own(result.findings)), f"{said}: no known framework in it uses cuDNN"


def _of_elf(machine: Machine, path: str, progress: Progress | None) -> tuple[Diagnosis, str]:
    loader, cache = loader_of(machine)
    objects = closure(machine, loader, path)
    if not objects:
        raise ConfigError(f"{path}: neither a program nor a library", hint="name an ELF file or a script of Python")
    asking = list(_asking(machine, loader, path, objects)) or _as_framework(machine, loader, path)
    if _FIRST.fullmatch(objects[0].elf.soname):  # a libcudnn itself: where its parts come from
        asking = [Asking(path, "", objects[0].elf.soname, (), preloads="first", beside=(path,))]
    found = list(_environments(machine, loader, path, asking))
    packages = [package for one in found for package in packages_of(machine, one)]
    everywhere = _copies(machine, loader, found, packages)
    everywhere += led_to(machine, loader, asking, everywhere)
    programs = [taken(machine, loader, one, everywhere) for one in asking]
    got = {one.real for one in programs} | {part.real for one in programs for part in one.parts}
    owners = {package for one in everywhere if _has(one, got) for package in one.packages}
    packages = compared(machine, [one for one in packages if one in owners], progress)
    everywhere = renewed(everywhere, packages)
    copies = [one for one in everywhere if _has(one, got)]
    around = look_around(machine, loader, cache)
    findings = judge(found, copies, everywhere, (), packages, programs, around) if asking else ()
    number = len(objects) - 1
    line = f"{path}: loaded with {number} libraries"
    if not asking:
        line = f"{path}: neither it nor the {number} libraries loaded with it use cuDNN"
    return Diagnosis(
        tuple(found), tuple(copies), (), tuple(packages), tuple(programs), around, _of_its_own(findings)
    ), line


_NOT_ITS_OWN = ("no-cudnn", "alternatives-broken", "alternatives-manual")
"""Findings about a machine that say nothing of one program."""


def _of_its_own(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.name not in _NOT_ITS_OWN)


def _asking(machine: Machine, loader: Loader, path: str, objects: Sequence[Object]) -> Iterator[Asking]:
    """Give what of cuDNN is asked for, once for each name: as linked, else as a name in the text of an object."""
    linked = [(name, one) for one in objects for name in one.elf.needed if _ANY.fullmatch(name)]
    first = [(name, one) for name, one in linked if _FIRST.fullmatch(name)] or linked
    named = [] if first else [(name, one) for one in objects for name in _named(machine, loader, one)]
    seen = set()
    for name, one in first or named:
        if name not in seen:
            seen.add(name)
            yield Asking(path, "", name, one.by, None, bool(first))


def _named(machine: Machine, loader: Loader, one: Object) -> list[str]:
    """Return the first libraries an object opens by name: its own text has them; a cuDNN itself asks for no other."""
    if _ANY.fullmatch(one.elf.soname):
        return []
    with contextlib.suppress(OSError):
        return [name for name in opened(machine, loader, one) if _FIRST.fullmatch(name)]
    return []


def _as_framework(machine: Machine, loader: Loader, path: str) -> list[Asking]:
    """Return what a framework's library asks for whose text does not tell: it puts the name together as it runs."""
    environment = environment_around(machine, path)
    copies = _copies(machine, loader, [environment], [])
    folder = path.rpartition("/")[0]
    return [one for one in frameworks_of(machine, loader, environment, copies) if one.by and one.by[0].folder == folder]


def _environments(machine: Machine, loader: Loader, path: str, asking: Sequence[Asking]) -> Iterator[Environment]:
    """Give the environment of a program, and those that what it gets is in."""
    found = [place.path for each in asking if (place := loader.find(each.soname, each.by))]
    seen = set()
    for one in (path, *found):
        environment = environment_around(machine, one)
        if (real := machine.real(environment.prefix)) not in seen:
            seen.add(real)
            yield environment


def _copies(machine: Machine, loader: Loader, found: Sequence[Environment], packages: Sequence[Package]) -> list[Copy]:
    seen: set[str] = set()
    mine = [copy for one in found for copy in copies_of(machine, one, packages, seen)]
    return [*mine, *loaders_copies(machine, loader, (), seen)]


def _has(copy: Copy, files: set[str]) -> bool:
    return any(one.real in files for one in copy.libraries)
