"""Reads what programs say about a machine: the loader's cache, update-alternatives, nvidia-smi, a process's maps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cudepot.catalog.doctor.values import Gpu

_CACHED = re.compile(r"^\t(?P<name>\S+) \((?P<flags>[^)]*64[^)]*)\) => (?P<path>\S+)$", re.MULTILINE)


def cached(text: str) -> list[tuple[str, str]]:
    """Return (SONAME, path) of the 64-bit libraries in what ``ldconfig -p`` prints, in its order."""
    return [(one["name"], one["path"]) for one in _CACHED.finditer(text)]


def gpus(text: str) -> Iterator[Gpu]:
    """Give the GPUs of ``nvidia-smi --query-gpu=name,driver_version[,compute_cap] --format=csv,noheader``."""
    for line in text.splitlines():
        found = re.fullmatch(r"(.+?), *(\d+)\.(\d+)[.\d]*(?:, *(?:(\d+)\.(\d+)|\[.*\]))?", line.strip())
        if found:
            capability = (int(found[4]), int(found[5])) if found[4] else None
            yield Gpu(found[1], capability, (int(found[2]), int(found[3])))


def alternative_links(text: str) -> tuple[str, list[str], list[str]]:
    """Return mode, links (master and slaves) and choices of a file in ``/var/lib/dpkg/alternatives``."""
    head, _, tail = text.partition("\n\n")
    lines, choices = head.splitlines(), tail.splitlines()
    links = [lines[1], *lines[3::2]] if len(lines) > 1 else []
    slaves = len(links) - 1
    return (lines[0] if lines else "", links, [one for one in choices[:: slaves + 2] if one] if links else [])


def mapped(maps: str, stem: str) -> list[str]:
    """Return the files whose name begins with ``stem`` in the text of ``/proc/PID/maps``, once each."""
    paths = [line.split(None, 5)[-1] for line in maps.splitlines() if "/" in line]
    return list(dict.fromkeys(path for path in paths if path.rpartition("/")[2].startswith(stem)))
