"""Looks at the cuDNN installed on a machine, at who loads it, and judges. Nothing is loaded or changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cudepot.catalog.doctor.judge import judge
from cudepot.catalog.doctor.values import Around, Copy, Environment, Finding, Header, Package, Program
from cudepot.ports import Progress
from cudepot.probe.loader import Loader
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.around import loader_of, look_around
from cudepot.workflows.doctor.copies import copies_in, copies_of, headers_of, loaders_copies
from cudepot.workflows.doctor.environments import environments
from cudepot.workflows.doctor.frameworks import frameworks_of
from cudepot.workflows.doctor.programs import Asking, by_path, general, others, taken
from cudepot.workflows.doctor.records import comparing, packages_of


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is installed, who loads it, what is around it, what is wrong: the worst first."""

    environments: tuple[Environment, ...]
    copies: tuple[Copy, ...]
    headers: tuple[Header, ...]
    packages: tuple[Package, ...]
    programs: tuple[Program, ...]
    around: Around
    findings: tuple[Finding, ...]


def diagnose(machine: Machine, prefix: str = "", *, progress: Progress | None = None) -> Diagnosis:
    """Look at one prefix, or at the whole machine, the ``python3`` on PATH and the active environments.

    Args:
        machine: the machine, or an image of one.
        prefix: a conda environment, a venv, a folder with ``lib``.
        progress: is told how far hashing is; None compares sizes only and hashes nothing.
    """
    loader, cache = loader_of(machine)
    found = environments(machine, prefix)
    recorded = [(one, packages_of(machine, one)) for one in found]
    packages = _unique(one for _, several in recorded for one in several)
    with comparing(machine, packages, progress) as finished:
        copies, everywhere = _copies(machine, loader, cache, found, packages, alone=bool(prefix))
        asking = [each for one in found for each in _asking(machine, loader, one, everywhere)]
        led = led_to(machine, loader, asking, everywhere)
        copies, everywhere = [*copies, *led], [*everywhere, *led]
        programs = [taken(machine, loader, one, everywhere) for one in asking]
        named = by_path(copies, programs) if prefix else ()
        programs += [taken(machine, loader, one, everywhere) for one in named]
        got = {one.real for one in programs}
        copies += [one for one in everywhere if one not in copies and any(lib.real in got for lib in one.libraries)]
        programs += [] if prefix else others(machine, loader, everywhere)
        headers = _unique_headers(machine, found)
        around = look_around(machine, loader, cache)
        packages = finished()
    copies, everywhere = renewed(copies, packages), renewed(everywhere, packages)
    kept = [one for one in found if _counts(one, copies, packages, programs)]
    findings = judge(found, copies, everywhere, headers, packages, programs, around)
    return Diagnosis(tuple(kept), tuple(copies), tuple(headers), tuple(packages), tuple(programs), around, findings)


def _copies(
    machine: Machine,
    loader: Loader,
    cache: Sequence[tuple[str, str]],
    found: Sequence[Environment],
    packages: Sequence[Package],
    *,
    alone: bool,
) -> tuple[list[Copy], list[Copy]]:
    """Return the copies of the environments asked for, and with them those that the loader knows elsewhere."""
    seen: set[str] = set()
    mine = [copy for one in found for copy in copies_of(machine, one, packages, seen)]
    cached = [path for name, path in cache if name.startswith("libcudnn")]
    rest = list(loaders_copies(machine, loader, cached, seen))
    return (mine if alone else [*mine, *rest]), [*mine, *rest]


def _asking(machine: Machine, loader: Loader, one: Environment, copies: Sequence[Copy]) -> list[Asking]:
    return [*frameworks_of(machine, loader, one, copies), *general(machine, one, copies)]


def led_to(machine: Machine, loader: Loader, asking: Sequence[Asking], copies: Sequence[Copy]) -> list[Copy]:
    """Return the copies that only a program's own search path leads to: of Nix, Spack, or a folder it was built for."""
    known = {one.real for copy in copies for one in copy.libraries}
    seen: set[str] = set()
    found = [place.path for one in asking if (place := loader.find(one.soname, one.by))]
    folders = [path.rpartition("/")[0] for path in found if machine.real(path) not in known]
    return [copy for folder in folders for copy in copies_in(machine, folder, seen)]


def _unique(packages: Iterable[Package]) -> list[Package]:
    """Return each package once: a venv that sees the system's packages shares its records."""
    found: dict[tuple[str, ...], Package] = {}
    for one in packages:
        found.setdefault(_key(one), one)
    return list(found.values())


def _key(one: Package) -> tuple[str, ...]:
    return one.kind, one.name, one.version, one.prefix


def renewed(copies: Sequence[Copy], packages: Sequence[Package]) -> list[Copy]:
    """Return the copies with their packages as they were compared."""
    known = {_key(one): one for one in packages}
    return [replace(one, packages=tuple(known.get(_key(each), each) for each in one.packages)) for one in copies]


def _unique_headers(machine: Machine, found: Sequence[Environment]) -> list[Header]:
    by_place = {machine.real(one.folder): one for env in reversed(found) for one in headers_of(machine, env)}
    return list(by_place.values())[::-1]


def _counts(one: Environment, copies: Sequence[Copy], packages: Sequence[Package], programs: Sequence[Program]) -> bool:
    prefixes = {copy.prefix for copy in copies} | {program.prefix for program in programs}
    return one.prefix in prefixes or any(package.prefix.startswith(one.prefix) for package in packages)
