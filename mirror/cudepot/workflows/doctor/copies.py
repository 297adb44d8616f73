"""Finds the copies of cuDNN on a machine: in its environments, and wherever its loader looks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cudepot.catalog.doctor.places import COMPANIONS, HEADER_FOLDERS, SITE_HEADERS
from cudepot.catalog.doctor.values import Copy, Environment, EnvironmentKind, Header, Library, Package, numbers
from cudepot.errors import FormatError
from cudepot.formats.cudnn_version import header_version, library_version
from cudepot.formats.elf import read_elf
from cudepot.probe.loader import Loader
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.folders import existing, library_folders

_MOST_HEADER = 4 << 20


def copies_of(
    machine: Machine, environment: Environment, packages: Sequence[Package], seen: set[str]
) -> Iterator[Copy]:
    """Give the copies in an environment's folders, one for each major version in a folder.

    Args:
        machine: the machine.
        environment: whose folders.
        packages: what is recorded in it.
        seen: real paths of folders that have been looked at; added to.
    """
    folders = list(library_folders(machine, environment))
    companions = frozenset(path for one in folders for stem in COMPANIONS for path in machine.matches(f"{one}/{stem}"))
    for folder in folders:
        if (real := machine.real(folder)) not in seen:
            seen.add(real)
            yield from _in_folder(machine, folder, environment, packages, companions)


def loaders_copies(machine: Machine, loader: Loader, cached: Sequence[str], seen: set[str]) -> Iterator[Copy]:
    """Give the copies where the loader looks and no environment was found: LD_LIBRARY_PATH, cache, default folders."""
    folders = [*loader.search, *(path.rpartition("/")[0] for path in cached), *loader.defaults]
    for folder in dict.fromkeys(folders):
        yield from copies_in(machine, folder, seen)


def copies_in(machine: Machine, folder: str, seen: set[str]) -> Iterator[Copy]:
    """Give the copies in a folder that belongs to no environment; ``seen`` as in :func:`copies_of`."""
    if (real := machine.real(folder)) not in seen:
        seen.add(real)
        companions = frozenset(path for stem in COMPANIONS for path in machine.matches(f"{folder}/{stem}"))
        yield from _in_folder(machine, folder, Environment(folder, EnvironmentKind.FOLDER), (), companions)


def _in_folder(
    machine: Machine, folder: str, environment: Environment, packages: Sequence[Package], companions: frozenset[str]
) -> Iterator[Copy]:
    libraries = list(_libraries(machine, folder))
    real = machine.real(folder)
    for major in sorted({one.major for one in libraries if one.tail and one.major.isdecimal()}):
        mine = tuple(one for one in libraries if one.major == major)
        owners = tuple(one for one in packages if _owns(machine, one, real, major))
        yield Copy(folder, environment.prefix, environment.kind, mine, owners, companions)


def _libraries(machine: Machine, folder: str) -> Iterator[Library]:
    """Give the libraries of cuDNN in a folder; a file is read once, however many links lead to it."""
    read: dict[str, Library] = {}
    for path in machine.matches(f"{folder}/libcudnn*.so*"):
        real = machine.real(path)
        if real not in read:
            read[real] = library(machine, path)
        yield replace(read[real], path=path)


def _owns(machine: Machine, package: Package, real: str, major: str) -> bool:
    """Return whether a package records libraries of that major version in a folder."""
    files = [one.path for one in package.files if f".so.{major}" in one.path]
    if not package.files and package.is_cudnn:  # a record without a list of files
        return str(next(iter(numbers(package.version)), "")) == major and real.startswith(machine.real(package.prefix))
    return any(machine.real(path.rpartition("/")[0]) == real for path in files)


def library(machine: Machine, path: str) -> Library:
    """Return what a file ``libcudnn*.so*`` says of itself."""
    real = machine.real(path)
    if not machine.exists(path):
        return Library(path, real, "dangling")
    try:
        with machine.open(path) as stream:
            elf = read_elf(stream, what=path)
            version = library_version(stream)
    except OSError as error:
        return Library(path, real, error.strerror or str(error))
    except FormatError as error:
        return Library(path, real, str(error).removeprefix(f"{path}: ")[:120])
    known = version or _named_version(real)
    return Library(path, real, "", elf.machine, elf.soname, elf.needed, elf.runpath, elf.old_rpath, known)


def _named_version(path: str) -> tuple[int, ...] | None:
    """Return the version in a file name like ``libcudnn.so.8.0.5``."""
    found = numbers(path.rpartition(".so.")[2])
    return found if len(found) == 3 else None


def headers_of(machine: Machine, environment: Environment) -> Iterator[Header]:
    """Give the headers of cuDNN that a compiler finds in an environment."""
    patterns = [f"{environment.prefix}/{one}" for one in HEADER_FOLDERS]
    patterns += [f"{site}/{one}" for site in environment.sites for one in SITE_HEADERS]
    for folder in existing(machine, patterns):
        there = [one for one in (f"{folder}/cudnn_version.h", f"{folder}/cudnn.h") if machine.matches(one)]
        if there:
            versions = [_header_version(machine, one) for one in there]
            yield Header(there[0], machine.real(there[0]), versions[0], versions[1] if len(versions) > 1 else None)


def _header_version(machine: Machine, path: str) -> tuple[int, ...] | None:
    with contextlib.suppress(OSError), machine.open(path) as stream:
        return header_version(stream.read(_MOST_HEADER))
    return None
