"""Reads what package managers recorded of cuDNN, and compares it with the files that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
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
_THREADS = 4
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


@contextmanager
def comparing(
    machine: Machine, packages: Sequence[Package], progress: Progress | None
) -> Iterator[Callable[[], list[Package]]]:
    """Compare the files of packages with their records, in threads, while other things are looked at.

    A file that several records have, or that has several names (conda and uv link environments), is hashed once.

    Args:
        machine: the machine.
        packages: with the files they record.
        progress: is told how far hashing is; None: only existence and size count.

    Yields:
        what waits for the end, and returns the packages with what is gone and what is changed of their files.
    """
    states = {(file.path, file.digest): _state(machine, file) for one in packages for file in one.files}
    alike = {file.path: file for one in packages for file in one.files if not states[file.path, file.digest]}
    files = {(machine.identity(path), file.algorithm): file for path, file in alike.items() if file.digest and progress}
    total = sum(machine.size(file.path) or 0 for file in files.values())
    shown = progress if total >= _WORTH_A_BAR else None
    if shown:
        shown.begin("comparing installed files with their records", total)
    with ThreadPoolExecutor(_THREADS) as pool:
        hashes = {key: pool.submit(_hash, machine, file, shown) for key, file in files.items()}
        yield lambda: [_judged(machine, one, states, hashes) for one in packages]
    if shown:
        shown.end()


def compared(machine: Machine, packages: Sequence[Package], progress: Progress | None) -> list[Package]:
    """Return the packages with what is gone and what is changed of their files; see :func:`comparing`."""
    with comparing(machine, packages, progress) as finished:
        return finished()


def _judged(
    machine: Machine,
    one: Package,
    states: Mapping[tuple[str, str], str],
    hashes: Mapping[tuple[tuple[int, int], str], Future[str]],
) -> Package:
    found: dict[str, list[str]] = {"gone": [], "changed": [], "": []}
    for file in one.files:
        state, hashed = states[file.path, file.digest], hashes.get((machine.identity(file.path), file.algorithm))
        if hashed and not state and file.digest and hashed.result() != file.digest.lower():
            state = "changed"
        found[state].append(file.path)
    return replace(one, gone=tuple(found["gone"]), changed=tuple(found["changed"]))


def _state(machine: Machine, file: Recorded) -> str:
    size = machine.size(file.path)
    if size is None:
        return "gone"
    return "changed" if file.size is not None and file.size != size else ""


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
