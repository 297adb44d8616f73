"""What is installed on a machine, as values: copies of cuDNN, what is around them, what was found wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

Version = tuple[int, ...]
_DOTS = 2
"""In ``libcudnn.so.9``: the name programs ask the loader for."""


class Severity(Enum):
    """How bad a finding is; its value is shown."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or worth knowing.

    Attributes:
        name: stable, for scripts: ``header-mismatch``.
        what, why, remedy: a sentence each.
    """

    severity: Severity
    name: str
    what: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Library:
    """A file ``libcudnn*.so*``.

    Attributes:
        path: where it was found; ``real``: the file its links lead to.
        fault: why it cannot be read: ``dangling``, or a sentence; the fields below are then empty.
        machine: ``x86_64``; ``needed`` SONAMEs; ``runpath`` as written in the file.
        old_rpath: the search path is a DT_RPATH.
        version: as its code says; None when it does not.
    """

    path: str
    real: str
    fault: str = ""
    machine: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    runpath: str = ""
    old_rpath: bool = False
    version: Version | None = None

    @property
    def folder(self) -> str:
        """The folder it was found in."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """File name."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """``libcudnn_ops`` of ``libcudnn_ops.so.9.1.0``."""
        return self.name.partition(".so")[0]

    @property
    def major(self) -> str:
        """``9``; empty for a link without a number."""
        return self.name.partition(".so.")[2].partition(".")[0]


@dataclass(frozen=True, slots=True)
class Header:
    """A ``cudnn.h`` or ``cudnn_version.h``; ``version`` None when the file is not there."""

    path: str
    real: str
    version: Version | None


@dataclass(frozen=True, slots=True)
class Package:
    """A package that brought cuDNN: ``conda``, ``wheel``, ``deb`` or ``rpm``, and its CUDA variant (may be empty)."""

    kind: str
    name: str
    version: str
    cuda: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """One installed cuDNN.

    Attributes:
        prefix: the environment, or ``/usr``, ``/usr/local/cuda``.
        kind: ``conda``, ``venv`` or ``system``.
        companions: folder of each of CUDA's libraries in the prefix, by SONAME or file name.
    """

    prefix: str
    kind: str
    libraries: tuple[Library, ...] = ()
    headers: tuple[Header, ...] = ()
    packages: tuple[Package, ...] = ()
    companions: frozenset[str] = field(default=frozenset())

    def whole(self) -> Iterator[Library]:
        """Give each file that can be read once, by the name the loader asks for where it has one."""
        seen = set()
        for one in sorted(self.libraries, key=lambda library: library.name.count(".") != _DOTS):
            if not one.fault and one.real not in seen:
                seen.add(one.real)
                yield one

    def version(self) -> Version | None:
        """Return the version its libraries say; the highest, where they differ."""
        return max((one.version for one in self.whole() if one.version), default=None)

    def versions(self) -> set[Version]:
        """Return all versions its libraries say, as three numbers."""
        return {one.version[:3] for one in self.whole() if one.version}

    def cuda(self) -> str:
        """Return the CUDA version it is for: as packages say, or as the libraries' needs give away; may be empty."""
        said = [one.cuda for one in self.packages if one.cuda and "cudnn" in one.name]
        needs = [
            name.partition(".so.")[2] for one in self.whole() for name in one.needed if name.startswith("libcublas.so.")
        ]
        return next(iter([*said, *needs]), "")


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The group ``libcudnn`` of update-alternatives: state, what ``/etc/alternatives/libcudnn`` names, the choices."""

    mode: str
    current: str
    choices: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the loader takes for a SONAME, and why; and what it would have taken otherwise."""

    soname: str
    path: str
    why: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: name, compute capability, and the driver's version."""

    name: str
    capability: tuple[int, int]
    driver: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the copies.

    Attributes:
        machine: of the host, as libraries name it; empty for an image of another machine.
        known: names of libraries the loader finds by itself.
        stale: paths that ld.so.cache lists and that are not there.
        search: folders of LD_LIBRARY_PATH.
    """

    machine: str = ""
    known: frozenset[str] = field(default=frozenset())
    stale: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    alternatives: Alternatives | None = None
    gpus: tuple[Gpu, ...] = ()


def told(version: Version) -> str:
    """Return ``9.10.2`` of (9, 10, 2)."""
    return ".".join(map(str, version))
