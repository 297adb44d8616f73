"""Reads what package managers recorded of cuDNN, and compares it with the files that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cudepot.catalog.doctor.records import (
    RPM_FORMAT,
    conda_package,
    dpkg_files,
    dpkg_packages,
    rpm_packages,
    wheel_package,
)
from cudepot.catalog.doctor.values import Environment, Package, Recorded
from cudepot.digest import hasher
from cudepot.ports import Progress
from cudepot.probe.machine import Machine

_PIECE = 1 << 20
_RPM_DATABASES = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
_WORTH_A_BAR = 64 << 20


def packages_of(machine: Machine, environment: Environment) -> list[Package]:
    """Return the packages recorded in an environment that have files of cuDNN."""
    found = [*_conda(machine, environment), *_wheels(machine, environment)]
    if machine.real(environment.prefix) == machine.real("/usr"):
        found += [*_debs(machine), *_rpms(machine)]
    return found


def _conda(machine: Machine, environment: Environment) -> Iterator[Package]:
    for path in machine.matches(f"{environment.prefix}/conda-meta/*cudnn*.json"):
        if found := conda_package(machine.text(path), environment.prefix):
            yield found


def _wheels(machine: Machine, environment: Environment) -> Iterator[Package]:
    for site in environment.sites:
        for name in sorted(machine.names(site)):
            if name.endswith(".dist-info"):
                record = machine.text(f"{site}/{name}/RECORD")
                found = wheel_package(f"{site}/{name}", record) if "libcudnn" in record or "cudnn" in name else None
                if found and (found.files or found.is_cudnn):
                    yield found


def _debs(machine: Machine) -> Iterator[Package]:
    for one in dpkg_packages(machine.text("/var/lib/dpkg/status")):
        lists = [
            *machine.matches(f"/var/lib/dpkg/info/{one.name}.list"),
            *machine.matches(f"/var/lib/dpkg/info/{one.name}:*.list"),
        ]
        files = [dpkg_files(machine.text(path), machine.text(f"{path[:-4]}md5sums")) for path in lists]
        yield replace(one, files=tuple(file for several in files for file in several))


def _rpms(machine: Machine) -> Iterator[Package]:
    """Ask rpm, with the machine's own database where it is an image."""
    if machine.is_this_one():
        yield from rpm_packages(machine.asked("rpm", "-qa", "--qf", RPM_FORMAT, "*cudnn*"))
        return
    place = next((one for one in _RPM_DATABASES if machine.exists(one)), "")
    if place:
        database = str(machine.root / machine.real(place).lstrip("/"))
        yield from rpm_packages(machine.asked("rpm", "--dbpath", database, "-qa", "--qf", RPM_FORMAT, "*cudnn*"))


def compared(machine: Machine, packages: Sequence[Package], progress: Progress | None) -> list[Package]:
    """Return the packages with what is gone and what is changed of their files.

    Args:
        machine: the machine.
        packages: with the files they record.
        progress: is told how far hashing is; None: only existence and size count.
    """
    total = _bytes_to_hash(machine, packages) if progress else 0
    shown = progress if total >= _WORTH_A_BAR else None
    if shown:
        shown.begin("comparing installed files with their records", total)
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            (one, [(file.path, pool.submit(_state, machine, file, bool(progress), shown)) for file in one.files])
            for one in packages
        ]
        found = [(one, [(path, job.result()) for path, job in files]) for one, files in jobs]
    if shown:
        shown.end()
    return [replace(one, gone=_of(files, "gone"), changed=_of(files, "changed")) for one, files in found]


def _of(files: Sequence[tuple[str, str]], wanted: str) -> tuple[str, ...]:
    return tuple(path for path, state in files if state == wanted)


def _bytes_to_hash(machine: Machine, packages: Sequence[Package]) -> int:
    files = {file.path for one in packages for file in one.files if file.digest}
    return sum(machine.size(path) or 0 for path in files)


def _state(machine: Machine, file: Recorded, hashing: bool, progress: Progress | None) -> str:
    size = machine.size(file.path)
    if size is None:
        return "gone"
    if file.size is not None and file.size != size:
        return "changed"
    if not hashing or not file.digest:
        return ""
    return "" if _hash(machine, file, progress) == file.digest.lower() else "changed"


def _hash(machine: Machine, file: Recorded, progress: Progress | None) -> str:
    """Return a file's hash; dpkg's records have md5 only."""
    state = hasher(file.algorithm)
    try:
        with machine.open(file.path) as stream:
            while piece := stream.read(_PIECE):
                state.update(piece)
                if progress:
                    progress.advance(len(piece))
    except OSError:
        return ""
    return state.hexdigest()
