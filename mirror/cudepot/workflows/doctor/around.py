"""What is around the installed copies: the loader, its cache, alternatives, driver and GPUs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from cudepot.catalog.doctor.places import LOADER_FOLDERS
from cudepot.catalog.doctor.texts import alternative_links, cached, gpus
from cudepot.catalog.doctor.values import Alternatives, Around, Gpu
from cudepot.probe.loader import Loader
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.programs import elf_of

_TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu", "powerpc64le-linux-gnu")
_QUERIES = ("name,driver_version,compute_cap", "name,driver_version")
"""What nvidia-smi is asked; drivers up to R470 refuse a query with a field they do not know."""
_ABSENT = 127


def loader_of(machine: Machine) -> tuple[Loader, list[tuple[str, str]]]:
    """Return the loader of a machine, and what its cache lists."""
    search = [one.rstrip("/") or "/" for one in re.split("[:;]", machine.environment.get("LD_LIBRARY_PATH", "")) if one]
    cache = cached(machine.asked("/sbin/ldconfig", "-p", "-C", str(machine.root / "etc/ld.so.cache")))
    loader = Loader(machine, search, cache, list(dict.fromkeys(_defaults(machine))))
    for path in _preloaded(machine, loader):
        if (elf := elf_of(machine, path)) and elf.soname.startswith("libcudnn"):
            loader.preloaded.setdefault(elf.soname, path)
    return loader, cache


def _preloaded(machine: Machine, loader: Loader) -> Iterator[str]:
    """Give the files of LD_PRELOAD and ``/etc/ld.so.preload``."""
    told = re.split("[: ]", machine.environment.get("LD_PRELOAD", "")) + machine.text("/etc/ld.so.preload").split()
    for one in filter(None, told):
        found = loader.find(one)
        if path := one if one.startswith("/") else found.path if found else "":
            yield path


def look_around(machine: Machine, loader: Loader, cache: list[tuple[str, str]]) -> Around:
    """Return what is around the copies on their machine."""
    known = {name for name, _ in cache} | {
        name for one in (*loader.search, *loader.defaults) for name in _names(machine, one)
    }
    stale = tuple(path for name, path in cache if name.startswith("libcudnn") and not machine.exists(path))
    seen, smi = _gpus(machine) if machine.is_this_one() else ((), "")
    host = os.uname().machine if machine.is_this_one() else ""
    compat = _compat(machine, loader)
    return Around(host, frozenset(known), stale, loader.search, _alternatives(machine), seen, smi, compat)


def _defaults(machine: Machine) -> Iterator[str]:
    for pattern in LOADER_FOLDERS:
        for triplet in _TRIPLETS:
            path = pattern.format(triplet=triplet)
            if machine.exists(path):
                yield machine.real(path)


def _names(machine: Machine, folder: str) -> list[str]:
    return [one for one in machine.names(folder) if ".so." in one]


def _gpus(machine: Machine) -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs, or what nvidia-smi says instead of naming them."""
    said = ""
    for fields in _QUERIES:
        answer = machine.answered("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader")
        if answer.status == _ABSENT:
            return (), ""
        if answer.status == 0:
            return tuple(gpus(answer.out)), ""
        said = answer.line
    return (), said or "it failed without a message"


def _compat(machine: Machine, loader: Loader) -> tuple[int, int] | None:
    """Return the version of the driver library that programs get, where it is one of NVIDIA's cuda-compat packages."""
    found = loader.find("libcuda.so.1")
    real = machine.real(found.path) if found else ""
    version = re.search(r"/compat[^/]*/(?:[^/]+/)?libcuda\.so\.(\d+)\.(\d+)", real)
    return (int(version[1]), int(version[2])) if version else None


def _alternatives(machine: Machine) -> Alternatives | None:
    mode, links, choices = alternative_links(machine.text("/var/lib/dpkg/alternatives/libcudnn"))
    if not links:
        return None
    missing = [one for one in links if machine.is_link(one) and not machine.exists(one)]
    return Alternatives(mode, machine.real("/etc/alternatives/libcudnn"), tuple(choices), tuple(missing))
