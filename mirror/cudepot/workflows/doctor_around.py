"""What is around the installed copies: the loader's order, its cache, alternatives, driver and GPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor_texts import alternative_links, cached, gpus
from cudepot.catalog.installation import Alternatives, Around, Choice, Copy
from cudepot.catalog.installed_places import LOADER_FOLDERS
from cudepot.errors import FormatError
from cudepot.formats.elf import read_elf
from cudepot.probe.machine import Machine

_TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu", "powerpc64le-linux-gnu")
_SMI = ("nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")


def look_around(machine: Machine, copies: Sequence[Copy]) -> Around:
    """Return what is around the copies on their machine."""
    search = tuple(filter(None, machine.environment.get("LD_LIBRARY_PATH", "").split(":")))
    cache = cached(machine.asked("/sbin/ldconfig", "-p", "-C", str(machine.root / "etc/ld.so.cache")))
    folders = list(dict.fromkeys(_defaults(machine)))
    known = {name for name, _ in cache} | {name for one in (*search, *folders) for name in _names(machine, one)}
    stale = tuple(path for name, path in cache if name.startswith("libcudnn") and not machine.exists(path))
    choices = tuple(_choices(machine, copies, search, cache, folders))
    seen = tuple(gpus(machine.asked(*_SMI))) if machine.is_this_one() else ()
    host = os.uname().machine if machine.is_this_one() else ""
    return Around(host, frozenset(known), stale, search, choices, _alternatives(machine), seen)


def _defaults(machine: Machine) -> Iterator[str]:
    for pattern in LOADER_FOLDERS:
        for triplet in _TRIPLETS:
            path = pattern.format(triplet=triplet)
            if machine.exists(path):
                yield machine.real(path)


def _names(machine: Machine, folder: str) -> list[str]:
    return [path.rpartition("/")[2] for path in machine.matches(f"{folder}/*.so.*")]


def _choices(
    machine: Machine,
    copies: Sequence[Copy],
    search: Sequence[str],
    cache: Sequence[tuple[str, str]],
    folders: Sequence[str],
) -> Iterator[Choice]:
    """Give, for each ``libcudnn.so.N`` there is, the file the loader takes: ld.so(8) has the order."""
    sonames = {
        one.name for copy in copies for one in copy.libraries if one.stem == "libcudnn" and one.name.count(".") == 2
    }
    for soname in sorted(sonames):
        places = [
            *_own(machine, copies, soname),
            *((f"{one}/{soname}", "LD_LIBRARY_PATH") for one in search),
            *((path, "ld.so.cache") for name, path in cache if name == soname),
            *((f"{one}/{soname}", "default folder") for one in folders),
        ]
        found = {machine.real(path): (path, why) for path, why in reversed(places) if machine.exists(path)}
        ordered = list(found.values())[::-1]
        others = [one.path for copy in copies for one in copy.libraries if one.name == soname and not one.fault]
        if ordered:
            path, why = ordered[0]
            rest = [
                one
                for one in [*(place for place, _ in ordered[1:]), *others]
                if machine.real(one) != machine.real(path)
            ]
            yield Choice(soname, path, why, tuple(dict.fromkeys(rest)))


def _own(machine: Machine, copies: Sequence[Copy], soname: str) -> Iterator[tuple[str, str]]:
    """Give the copy that an environment's own Python reaches by DT_RPATH, which goes before all else."""
    for copy in copies if len(copies) == 1 else ():
        python = f"{copy.prefix}/bin/python"
        if copy.kind == "conda" and machine.exists(python):
            try:
                with machine.open(python) as stream:
                    elf = read_elf(stream, what=python)
            except (FormatError, OSError):
                continue
            if elf.old_rpath and "$ORIGIN/../lib" in elf.runpath:
                yield f"{copy.prefix}/lib/{soname}", f"RPATH of {python}"


def _alternatives(machine: Machine) -> Alternatives | None:
    mode, links, choices = alternative_links(machine.text("/var/lib/dpkg/alternatives/libcudnn"))
    if not links:
        return None
    missing = [one for one in links if machine.is_link(one) and not machine.exists(one)]
    return Alternatives(mode, machine.real("/etc/alternatives/libcudnn"), tuple(choices), tuple(missing))
