"""``cudepot doctor``: looks at the cuDNN installed on a machine, and judges it. Nothing is loaded or changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from cudepot.catalog.doctor import judge
from cudepot.catalog.doctor_texts import conda_package, dpkg_packages, rpm_packages, wheel_package
from cudepot.catalog.installation import Around, Copy, Finding, Header, Library, Package
from cudepot.catalog.installed_places import HEADER_FOLDERS, LIBRARY_FOLDERS, SYSTEM_PREFIXES
from cudepot.errors import FormatError
from cudepot.formats.cudnn_version import header_version, library_version
from cudepot.formats.elf import read_elf
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor_around import look_around

_MOST_HEADER = 4 << 20
_COMPANIONS = ("libcu*.so.*", "libnvrtc*.so.*", "libnvJitLink*.so.*", "libz.so.*")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is installed, what is around it, what is wrong: the worst first."""

    copies: tuple[Copy, ...]
    around: Around
    findings: tuple[Finding, ...]


def diagnose(machine: Machine, prefix: str = "") -> Diagnosis:
    """Look at one prefix, or at the whole machine and the active environments."""
    found = [_copy(machine, one) for one in ([prefix] if prefix else _prefixes(machine))]
    copies = tuple(one for one in found if prefix or one.libraries or one.headers)
    around = look_around(machine, copies)
    return Diagnosis(copies, around, judge(copies, around))


def _prefixes(machine: Machine) -> list[str]:
    active = [machine.environment.get(name, "") for name in ("CONDA_PREFIX", "VIRTUAL_ENV")]
    found = [path for pattern in SYSTEM_PREFIXES for path in machine.matches(pattern)]
    by_place = {machine.real(path): path for path in [*found[::-1], *filter(None, active)]}
    return [path for path in by_place.values() if machine.exists(path)][::-1]


def _copy(machine: Machine, prefix: str) -> Copy:
    conda, venv = machine.exists(f"{prefix}/conda-meta"), machine.exists(f"{prefix}/pyvenv.cfg")
    folders = list(_folders(machine, prefix, LIBRARY_FOLDERS))
    libraries = tuple(_library(machine, path) for one in folders for path in machine.matches(f"{one}/libcudnn*.so*"))
    companions = (path for one in folders for stem in _COMPANIONS for path in machine.matches(f"{one}/{stem}"))
    headers = tuple(_headers(machine, prefix))
    packages = tuple(_packages(machine, prefix))
    kind = "conda" if conda else "venv" if venv or any(one.kind == "wheel" for one in packages) else "system"
    return Copy(prefix, kind, libraries, headers, packages, frozenset(companions))


def _folders(machine: Machine, prefix: str, patterns: tuple[str, ...]) -> Iterator[str]:
    """Give the folders of a prefix once each, however many links lead there."""
    seen = set()
    for pattern in patterns:
        for path in machine.matches(f"{prefix}/{pattern}"):
            if (real := machine.real(path)) not in seen:
                seen.add(real)
                yield path


def _library(machine: Machine, path: str) -> Library:
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
    told = version or _named_version(real)
    return Library(path, real, "", elf.machine, elf.soname, elf.needed, elf.runpath, elf.old_rpath, told)


def _named_version(path: str) -> tuple[int, ...] | None:
    """Return the version in a file name like ``libcudnn.so.8.0.5``."""
    parts = path.rpartition(".so.")[2].split(".")
    return tuple(map(int, parts)) if len(parts) == 3 and all(one.isdecimal() for one in parts) else None


def _headers(machine: Machine, prefix: str) -> Iterator[Header]:
    for folder in _folders(machine, prefix, HEADER_FOLDERS):
        there = [one for one in (f"{folder}/cudnn_version.h", f"{folder}/cudnn.h") if machine.matches(one)]
        for path in there[:1]:
            version = None
            with contextlib.suppress(OSError), machine.open(path) as stream:
                version = header_version(stream.read(_MOST_HEADER))
            yield Header(path, machine.real(path), version)


def _packages(machine: Machine, prefix: str) -> Iterator[Package]:
    for path in machine.matches(f"{prefix}/conda-meta/*cudnn*.json"):
        if found := conda_package(machine.text(path)):
            yield found
    for path in machine.matches(f"{prefix}/lib/python3*/*-packages/nvidia_*.dist-info"):
        if found := wheel_package(path.rpartition("/")[2]):
            yield found
    if prefix == "/usr":
        yield from dpkg_packages(machine.text("/var/lib/dpkg/status"))
        if machine.is_this_one():
            yield from rpm_packages(machine.asked("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n", "*cudnn*"))
