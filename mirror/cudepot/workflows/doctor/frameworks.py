"""Finds the frameworks of an environment: what of cuDNN each asks for, which version it wants, what it loads itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor.frameworks import FRAMEWORKS, WHEELS_FOLDER, Framework
from cudepot.catalog.doctor.places import MAJORS
from cudepot.catalog.doctor.records import requirement, stated
from cudepot.catalog.doctor.values import Copy, Environment, Version
from cudepot.formats.cudnn_version import header_version
from cudepot.formats.library import LibraryInfo
from cudepot.probe.loader import Loader, Loading
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.programs import Asking, elf_of, python_of

_CUDNN = re.compile(r"libcudnn(?:-[0-9a-f]{8})?\.so\.[\d.]+")
_CUDAS = ("libcu", "libnv", "libnccl")
"""How the libraries of CUDA's wheels begin."""
_DEEPEST = 4  # an extension module, its libraries, theirs


def frameworks_of(
    machine: Machine, loader: Loader, environment: Environment, copies: Sequence[Copy]
) -> Iterator[Asking]:
    """Give the frameworks of an environment, once for each cuDNN that their files ask for."""
    for site in environment.sites:
        for row in FRAMEWORKS:
            yield from _framework(machine, loader, environment, site, row, copies)


def _framework(
    machine: Machine, loader: Loader, environment: Environment, site: str, row: Framework, copies: Sequence[Copy]
) -> Iterator[Asking]:
    files = [path for pattern in row.files for path in machine.matches(f"{site}/{pattern}")]
    if not files:
        return
    name, (wheel, lowest) = _installed(machine, site, row), _wanted(machine, site, row)
    python = python_of(machine, environment)
    loads = row.preloads and _must_load(machine, loader, site, row)
    beside = [f"{one}/{WHEELS_FOLDER}" for one in environment.sites] if loads else []
    seen = set()
    for path in files:
        for soname, by in _asked(machine, loader, site, path, (python,) if python else (), row, lowest, copies):
            if soname not in seen:
                seen.add(soname)
                own = tuple(f"{folder}/{soname}" for folder in beside)
                yield Asking(name, environment.prefix, soname, by, lowest, row.needed, wheel, row.preloads, own)


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
    elf = elf_of(machine, path)
    if elf is None or len(by) > _DEEPEST:
        return
    chain = (Loading(path.rpartition("/")[0], elf.runpath, elf.old_rpath), *by)
    sonames = _sonames(elf, row, lowest, copies)
    yield from ((one, chain) for one in sonames)
    for name in () if sonames else elf.needed:
        found = loader.find(name, chain)
        if found and _inside(machine, found.path, site):
            yield from _asked(machine, loader, site, found.path, chain, row, lowest, copies)


def _must_load(machine: Machine, loader: Loader, site: str, row: Framework) -> bool:
    """Return whether a framework loads by itself: torch does only where the loader lacks what one library needs."""
    elf = elf_of(machine, f"{site}/{row.trigger}") if row.trigger else None
    if elf is None:
        return True
    by = (Loading(f"{site}/{row.trigger}".rpartition("/")[0], elf.runpath, elf.old_rpath),)
    return any(loader.find(name, by) is None for name in elf.needed if name.startswith(_CUDAS))


def _inside(machine: Machine, path: str, site: str) -> bool:
    """Return whether a file is below a folder, by its name or by where that leads: uv may link to its cache."""
    return os.path.normpath(path).startswith(f"{site}/") or machine.real(path).startswith(f"{machine.real(site)}/")


def _sonames(elf: LibraryInfo, row: Framework, lowest: Version | None, copies: Sequence[Copy]) -> list[str]:
    """Return what a file asks for: as it is linked, else what its metadata names, else the newest there is."""
    linked = [one for one in elf.needed if _CUDNN.fullmatch(one)]
    if linked or row.linked:
        return linked
    if lowest:
        return [f"libcudnn.so.{lowest[0]}"]
    there = {one.major for one in copies}
    return [f"libcudnn.so.{one}" for one in MAJORS if one in there][:1]


def _installed(machine: Machine, site: str, row: Framework) -> str:
    """Return a framework's name with its version, where its metadata is there."""
    for folder in machine.matches(f"{site}/{row.project}-*.dist-info"):
        name, _, version = folder.rpartition("/")[2].removesuffix(".dist-info").partition("-")
        return f"{name} {version}"
    return row.project.rstrip("*")


def _wanted(machine: Machine, site: str, row: Framework) -> tuple[str, Version | None]:
    """Return the wheel of cuDNN a framework names, and the version it was built with or asks for at least."""
    projects = [one for one in (row.project, row.plugin) if one]
    folders = [path for one in projects for path in machine.matches(f"{site}/{one}-*.dist-info")]
    asked = next((found for one in folders if (found := requirement(machine.text(f"{one}/METADATA")))), None)
    wheel, version = asked or ("", None)
    return wheel, _built(machine, site, row) or version


def _built(machine: Machine, site: str, row: Framework) -> Version | None:
    """Return the version that a framework's files say it was built with; None when they say none."""
    for path, constant in row.built:
        text = machine.text(f"{site}/{path}")
        found = stated(text, constant) if constant else header_version(text.encode())
        if found:
            return found
    return None
