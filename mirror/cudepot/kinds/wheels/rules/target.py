"""The machines an environment is resolved for: which wheels they take, and what markers mean on them.

Sources: PEP 425 (tags), 600 (manylinux), 508 (markers).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from packaging.tags import Tag, compatible_tags, cpython_tags

from cudepot.errors import ConfigError

_LINUX = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}
_WINDOWS = {"win-64": ("AMD64", "win_amd64")}
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_LEVEL = re.compile(r"['\"](\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_MOST_LEVEL = 99
_OLDEST = {"x86_64": 5}  # minor version of the oldest glibc 2 with a tag; 17 elsewhere


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One sort of machine: CPython, with a GIL.

    Attributes:
        platform: as conda names it: ``linux-64``.
        python: ``3.12`` for every patch level, or ``3.12.4`` for one.
        glibc: the oldest C library, ``2.28``; empty where there is none.
    """

    platform: str
    python: str
    glibc: str = ""

    def __post_init__(self) -> None:
        if self.platform not in _LINUX and self.platform not in _WINDOWS:
            known = ", ".join([*_LINUX, *_WINDOWS])
            raise ConfigError(f"there are no wheels for {self.platform}", hint=f"platforms with wheels: {known}")
        if self.is_linux and not self.glibc:
            raise ConfigError(f"{self.platform}: not a glibc version")

    @property
    def name(self) -> str:
        """What it is called in locks and files: ``linux-64-py3.12``."""
        return f"{self.platform}-py{self.python}"

    @property
    def is_linux(self) -> bool:
        """Whether it has a glibc."""
        return self.platform in _LINUX

    @property
    def minor(self) -> tuple[int, int]:
        """Python without its patch level."""
        major, minor = self.python.split(".")[:2]
        return int(major), int(minor)

    @property
    def is_exact(self) -> bool:
        """Whether one patch level is meant."""
        return self.python.count(".") == 2

    def at(self, level: int) -> str:
        """Return the version of Python at a patch level; of an exact one, its own."""
        return self.python if self.is_exact else f"{self.python}.{level}"

    @property
    def machine(self) -> str:
        """``platform_machine``."""
        return _LINUX[self.platform] if self.is_linux else _WINDOWS[self.platform][0]


@functools.cache
def tags(target: Target) -> Mapping[Tag, int]:
    """Return the tags that fit, each with its rank: the best is 0."""
    platforms = list(_platforms(target))
    major, minor = target.minor
    cpython = f"cp{major}{minor}"
    order = chain(cpython_tags(target.minor, [cpython], platforms), compatible_tags(target.minor, cpython, platforms))
    return {tag: rank for rank, tag in enumerate(dict.fromkeys(order))}


def _platforms(target: Target) -> Iterator[str]:
    """Give the platform tags that fit, the best first, as packaging has them."""
    if not target.is_linux:
        yield _WINDOWS[target.platform][1]
        return
    yield f"linux_{target.machine}"
    newest = int(target.glibc.split(".")[1])
    for minor in range(newest, _OLDEST.get(target.machine, 17) - 1, -1):
        yield f"manylinux_2_{minor}_{target.machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{target.machine}"


def marker(target: Target) -> str:
    """Return what is true of this target's machines alone, as ``[tool.uv] environments`` takes it."""
    system = ("posix", "Linux", "linux") if target.is_linux else ("nt", "Windows", "win32")
    python = "python_full_version" if target.is_exact else "python_version"
    terms = {
        python: target.python,
        "sys_platform": system[2],
        "platform_machine": target.machine,
        "os_name": system[0],
        "platform_system": system[1],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return " and ".join(f"{name} == '{value}'" for name, value in terms.items())


def markers(targets: Sequence[Target]) -> list[str]:
    """Return the markers of targets, each once, and none that is in another: uv wants them apart."""
    whole = {(one.platform, one.python) for one in targets if not one.is_exact}
    apart = [one for one in targets if not one.is_exact or (one.platform, _minor(one)) not in whole]
    return list(dict.fromkeys(map(marker, apart)))


def _minor(target: Target) -> str:
    return "{}.{}".format(*target.minor)


def patch_levels(target: Target, markers: Iterable[str]) -> list[int]:
    """Return the first patch level of each stretch of them between which no marker of these tells a difference."""
    if target.is_exact:
        return [int(target.python.split(".")[2])]
    found = {0}
    for text in set(markers):
        for major, minor, level in _LEVEL.findall(text):
            if (int(major), int(minor)) == target.minor and int(level) <= _MOST_LEVEL:
                found |= {int(level), int(level) + 1}
    return sorted(found)


def machine(target: Target, level: int = 0) -> dict[str, str]:
    """Return the values of all markers on a target's machine at a patch level of Python."""
    python = target.at(level)
    names = ("posix", "Linux", "linux") if target.is_linux else ("nt", "Windows", "win32")
    return {
        "os_name": names[0],
        "platform_system": names[1],
        "sys_platform": names[2],
        "platform_machine": target.machine,
        "platform_release": "",
        "platform_version": "",
        "python_version": _minor(target),
        "python_full_version": python,
        "implementation_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
