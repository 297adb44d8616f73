"""Finds the places programs of a machine run in: the system, and the environments of its Pythons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor.places import DEBIANS_SITE, IMAGE_PREFIXES, SITES, SYSTEM_PREFIXES
from cudepot.catalog.doctor.values import Environment, EnvironmentKind
from cudepot.probe.loader import elf_machine
from cudepot.probe.machine import Machine

_RUNS = ("active", "python3 on PATH")
"""Why an environment is the one whose Python runs, with the variables of this shell."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environments(machine: Machine, prefix: str = "") -> list[Environment]:
    """Return one prefix, or the environments that count on this machine, the active one first."""
    if prefix:
        return [_environment(machine, prefix, "asked for")]
    found: dict[str, Environment] = {}
    for path, why in _prefixes(machine):
        if machine.is_folder(path):
            found.setdefault(machine.real(path), _environment(machine, path, why))
    return list(found.values())


def _prefixes(machine: Machine) -> Iterator[tuple[str, str]]:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if path := machine.environment.get(name, "").rstrip("/"):
            yield path, "active"
    if path := _of_python(machine):
        yield path, "python3 on PATH"
    if not machine.is_this_one():
        yield from ((path, "in the image") for one in IMAGE_PREFIXES for path in machine.matches(one))
    yield from ((path, "") for one in SYSTEM_PREFIXES for path in machine.matches(one)[::-1])


def on_path(machine: Machine, name: str) -> str:
    """Return the first program of that name on PATH; empty for none."""
    # an image has its own PATH, which its configuration holds and its files do not
    path = machine.environment.get("PATH", _PATH) if machine.is_this_one() else _PATH
    found = (f"{folder.rstrip('/')}/{name}" for folder in path.split(":") if folder)
    return next(filter(machine.exists, found), "")


def _of_python(machine: Machine) -> str:
    """Return the prefix of the ``python3`` on PATH."""
    python = on_path(machine, "python3")
    return python_prefix(machine, python) if python else ""


def python_prefix(machine: Machine, python: str) -> str:
    """Return the prefix of a Python; a script that stands for one, as pyenv's, is asked.

    As Python finds it: ``pyvenv.cfg`` above the name it is called by, else where its links lead.
    """
    if machine.is_this_one() and elf_machine(machine, python) is None:
        return machine.asked(python, "-c", "import sys; print(sys.prefix)").strip()
    for path in (python, machine.real(python)):
        prefix = path.rpartition("/")[0].rpartition("/")[0] or "/usr"  # /bin/python3 of merged /usr
        if machine.exists(f"{prefix}/pyvenv.cfg"):
            return prefix
    return prefix


def environment_around(machine: Machine, path: str) -> Environment:
    """Return the environment that a file is in: a venv or conda environment above it, the system, or its own folder."""
    folder = path.rpartition("/")[0]
    above = folder
    while above:
        if machine.exists(f"{above}/pyvenv.cfg") or machine.exists(f"{above}/conda-meta"):
            return _environment(machine, above, "asked for")
        above = above.rpartition("/")[0]
    if re.match(r"/(usr/)?(lib|bin|sbin|local)", machine.real(path)):
        return _environment(machine, "/usr", "asked for")
    site = re.match(r"(.*?)/lib(?:64)?/python3[^/]*/(?:site|dist)-packages/", path)
    return _environment(machine, site[1] if site else folder.rpartition("/")[0] or folder, "asked for")


def _environment(machine: Machine, prefix: str, why: str) -> Environment:
    conda, venv = machine.exists(f"{prefix}/conda-meta"), machine.exists(f"{prefix}/pyvenv.cfg")
    sites = [path for pattern in SITES for path in machine.matches(f"{prefix}/{pattern}")]
    if machine.real(prefix) == "/usr":
        sites += machine.matches(f"/usr/local/{DEBIANS_SITE}")
    elif prefix == "/usr/local" and not why and machine.exists("/usr/bin/python3"):
        sites = [one for one in sites if not one.endswith("/dist-packages")]  # Debian's Python in /usr sees them
    alone = venv and not _sees_the_system(machine, prefix)
    if (machine.real(prefix) == "/usr" or why in _RUNS) and not alone:
        sites += _user_sites(machine)
    if why in _RUNS:
        sites += [one for one in machine.environment.get("PYTHONPATH", "").split(":") if one.startswith("/")]
    if machine.matches(f"{prefix}/*.dist-info"):
        sites.append(prefix)  # pip install --target
    if venv and not alone:
        sites += [
            path for pattern in SITES for top in ("/usr", "/usr/local") for path in machine.matches(f"{top}/{pattern}")
        ]
    kind = EnvironmentKind.CONDA if conda else EnvironmentKind.VENV if venv else _alone(machine, prefix)
    return Environment(prefix, kind, tuple(_once(machine, sites)), why)


def _alone(machine: Machine, prefix: str) -> EnvironmentKind:
    """Return what a place is that no tool made as an environment."""
    return EnvironmentKind.SYSTEM if _is_system(machine, prefix) else EnvironmentKind.PYTHON


def _is_system(machine: Machine, prefix: str) -> bool:
    return any(machine.real(prefix) == machine.real(one) for top in SYSTEM_PREFIXES for one in machine.matches(top))


def _user_sites(machine: Machine) -> Iterator[str]:
    """Give the folders of ``pip install --user``; conda's Pythons look there, too."""
    homes = [machine.environment.get("HOME", "")] if machine.is_this_one() else ["/root", *machine.matches("/home/*")]
    base = machine.environment.get("PYTHONUSERBASE", "") if machine.is_this_one() else ""
    for one in [base, *(f"{home}/.local" for home in homes if home)]:
        yield from (path for path in machine.matches(f"{one}/lib/python3*/site-packages") if one)


def _sees_the_system(machine: Machine, prefix: str) -> bool:
    form = r"^include-system-site-packages\s*=\s*true"
    return re.search(form, machine.text(f"{prefix}/pyvenv.cfg"), re.MULTILINE | re.IGNORECASE) is not None


def _once(machine: Machine, paths: Sequence[str]) -> Iterator[str]:
    """Give each folder once, however many links lead there."""
    seen = set()
    for path in paths:
        if (real := machine.real(path)) not in seen:
            seen.add(real)
            yield path
