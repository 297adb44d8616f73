"""What is installed on a machine, as values: copies of cuDNN, who loads them, what is around them, what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from cudepot.catalog.ecosystems import ArtifactKind

Version = tuple[int, ...]
_MANGLED = re.compile(r"-[0-9a-f]{8}$")
"""What auditwheel adds to the name of a library that it copies into a wheel."""


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
        version: as its code says, else as its full file name says; None when neither does.
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
        """``libcudnn_ops`` of ``libcudnn_ops.so.9.1.0`` and of ``libcudnn_ops-0a1b2c3d.so.9``."""
        return _MANGLED.sub("", self.name.partition(".so")[0])

    @property
    def is_mangled(self) -> bool:
        """Whether it was copied into a wheel under a name of its own."""
        return _MANGLED.search(self.name.partition(".so")[0]) is not None

    @property
    def tail(self) -> str:
        """``9.1.0`` of ``libcudnn.so.9.1.0``; empty for a link without a number."""
        return self.name.partition(".so.")[2]

    @property
    def major(self) -> str:
        """``9``; of a link without a number that of the file it leads to."""
        return (self.tail or self.real.partition(".so.")[2]).partition(".")[0]


@dataclass(frozen=True, slots=True)
class Header:
    """A ``cudnn.h`` or ``cudnn_version.h``; ``version`` None when it says none.

    Attributes:
        other: version macros that the ``cudnn.h`` beside a ``cudnn_version.h`` has as well.
    """

    path: str
    real: str
    version: Version | None
    other: Version | None = None

    @property
    def folder(self) -> str:
        """The folder it was found in."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file as the record of its package has it.

    Attributes:
        size: bytes; None where the record does not say.
        algorithm, digest: ``sha256`` or ``md5`` with hexadecimal digits; both empty for links and where there is none.
    """

    path: str
    size: int | None = None
    algorithm: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that brought cuDNN.

    Attributes:
        kind: of its package; never an archive.
        cuda: its CUDA variant; may be empty.
        prefix: the environment it is recorded in.
        files: its files of cuDNN, libraries and headers.
        gone: recorded files that are not there; ``changed``: those with another size or hash.
    """

    kind: ArtifactKind
    name: str
    version: str
    cuda: str = ""
    prefix: str = ""
    files: tuple[Recorded, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def is_cudnn(self) -> bool:
        """Whether it is cuDNN itself, not a framework that bundles one."""
        return "cudnn" in self.name and "frontend" not in self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.version}"


class EnvironmentKind(StrEnum):
    """What a place is to those who mend it; a folder is one that nobody's package manager owns."""

    CONDA = "conda"
    VENV = "venv"
    PYTHON = "python"
    SYSTEM = "system"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Environment:
    """A place that programs of its own run in.

    Attributes:
        prefix: ``/opt/env``, ``/usr``.
        sites: its folders of Python packages.
        why: what makes it an environment worth looking at: ``active``, ``python3 on PATH``, ``asked for``.
    """

    prefix: str
    kind: EnvironmentKind
    sites: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """One cuDNN: the libraries of one major version in one folder.

    Attributes:
        folder: as it was found first.
        prefix: the environment it belongs to; ``kind`` that environment's.
        companions: CUDA's libraries that its environment has, by path.
    """

    folder: str
    prefix: str
    kind: EnvironmentKind
    libraries: tuple[Library, ...]
    packages: tuple[Package, ...] = ()
    companions: frozenset[str] = frozenset()

    @property
    def major(self) -> str:
        """``9``."""
        return self.libraries[0].major

    def whole(self) -> Iterator[Library]:
        """Give the libraries that can be read, a file once however many links name it."""
        seen = set()
        for one in self.libraries:
            if not one.fault and one.real not in seen:
                seen.add(one.real)
                yield one

    def named(self, stem: str) -> Library | None:
        """Return the library that a program gets which asks for ``STEM.so.MAJOR``, or for a mangled name of it."""
        fitting = [one for one in self.libraries if one.stem == stem and (one.tail == one.major or one.is_mangled)]
        return next(iter(fitting), None)

    def reached(self) -> list[Library]:
        """Return the libraries that programs get by SONAME; what nothing asks for by its name is a leftover."""
        stems = dict.fromkeys(one.stem for one in self.libraries)
        found = [one for stem in stems if (one := self.named(stem)) and not one.fault]
        return found or [one for one in self.whole() if one.tail]

    def version(self) -> Version | None:
        """Return the version that its parts say, else its package, else the highest file name."""
        said = [one.version for one in self.reached() if one.version]
        if said:
            return max(said)
        claims = [numbers(one.version) for one in self.packages if one.is_cudnn]
        return next((one[:3] for one in claims if len(one) >= 3 and str(one[0]) == self.major), None)

    def cuda(self) -> str:
        """Return the CUDA version it is for: as packages say, or as the libraries' needs give away; may be empty."""
        said = [one.cuda for one in self.packages if one.cuda and one.is_cudnn]
        needs = [
            name.partition(".so.")[2] for one in self.whole() for name in one.needed if name.startswith("libcublas.so.")
        ]
        return next(iter([*said, *needs]), "")

    def __str__(self) -> str:
        version, cuda = self.version(), self.cuda()
        return f"cuDNN {dotted(version) if version else self.major}" + (f" for CUDA {cuda}" if cuda else "")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that a dispatching ``libcudnn.so.9`` opens: where the loader finds it; ``path`` empty for nowhere."""

    stem: str
    path: str
    real: str
    why: str
    version: Version | None


@dataclass(frozen=True, slots=True)
class Program:
    """Something that loads cuDNN.

    Attributes:
        name: ``torch 2.9.1``, or what kind of programs it stands for.
        prefix: its environment; empty for programs that only ask the loader.
        soname: what it asks for.
        path: the file the loader takes, ``real`` with links followed, and ``why``; empty for none.
        own: what it would take without LD_LIBRARY_PATH, links followed.
        parts: where the parts come from that the taken library opens while it runs.
        lowest: version it was built with or asks for; it refuses older ones.
        needs: whether the loader refuses the program itself without it; else it opens cuDNN when it needs it.
        wheel: NVIDIA's wheel that its metadata names; may be empty.
        unused: a file in its environment that neither the loader nor its own code finds, where it gets none.
        advice: what a program has to do to get that one.
    """

    name: str
    prefix: str
    soname: str
    path: str
    real: str
    why: str
    own: str = ""
    parts: tuple[Part, ...] = ()
    lowest: Version | None = None
    needs: bool = True
    wheel: str = ""
    unused: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The group ``libcudnn`` of update-alternatives: state, what ``/etc/alternatives/libcudnn`` names, the choices."""

    mode: str
    current: str
    choices: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: name, driver's version, and compute capability where the driver tells it (since R470)."""

    name: str
    capability: tuple[int, int] | None
    driver: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the copies.

    Attributes:
        machine: of the host, as libraries name it; empty for an image of another machine.
        known: names of libraries the loader finds by itself.
        stale: paths that ld.so.cache lists and that are not there.
        search: folders of LD_LIBRARY_PATH.
        smi: what a failing ``nvidia-smi`` said; empty where it works or is not there.
        compat: version of a cuda-compat driver library that programs get; None for none.
    """

    machine: str = ""
    known: frozenset[str] = field(default=frozenset())
    stale: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    alternatives: Alternatives | None = None
    gpus: tuple[Gpu, ...] = ()
    smi: str = ""
    compat: tuple[int, int] | None = None


def dotted(version: Version) -> str:
    """Return ``9.10.2`` of (9, 10, 2)."""
    return ".".join(map(str, version))


def numbers(text: str) -> Version:
    """Return the leading numbers of a package's version, without epoch: (8, 9, 7, 29) of ``8.9.7.29-1+cuda12.2``."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", text)
    return tuple(map(int, found[1].split("."))) if found else ()
