"""The upstreams and pins ``cudepot init`` writes for whoever says which distributions, CUDA and cuDNN it shall be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cudepot.errors import ConfigError

_VERSION = re.compile(r"\d+(\.\d+){0,3}")
_CUDA = re.compile(r"\d+(\.\d+)?")
_APT = ("ubuntu", "debian", "wsl-ubuntu")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a new project is for.

    Attributes:
        distributions: names of NVIDIA's repositories without the vendor: ``ubuntu2004/x86_64``, ``rhel8/sbsa``.
        cudnn: a version, or the beginning of one: ``8.0.5.39``, ``9.1``.
        cuda: ``11.1``; for cuDNN 9 its first part counts.
        repackage: whether conda packages and wheels are to be made as well.
    """

    distributions: tuple[str, ...]
    cudnn: str
    cuda: str
    repackage: bool = False

    def check(self) -> None:
        """Raise ConfigError when a version is none, or something is missing."""
        if not self.distributions:
            raise ConfigError("no distribution is named", hint="--distribution ubuntu2004; `cudepot upstreams` has all")
        if not _VERSION.fullmatch(self.cudnn):
            raise ConfigError(f"{self.cudnn!r} is no cuDNN version", hint="--cudnn 8.0.5.39, or its beginning: 8.9")
        if not _CUDA.fullmatch(self.cuda):
            raise ConfigError(f"{self.cuda!r} is no CUDA version", hint="--cuda 11.1")


def repository(distribution: str) -> str:
    """Return a distribution as NVIDIA's repositories are named: with an architecture, x86_64 unless one is given."""
    return distribution if "/" in distribution else f"{distribution}/x86_64"


def first_pins(wishes: Wishes) -> str:
    """Return the tables for cudepot.toml."""
    return "".join(_tables(wishes))


def _tables(wishes: Wishes) -> Iterator[str]:
    for name in dict.fromkeys(map(repository, wishes.distributions)):
        wanted = packages_for(name, wishes.cudnn, wishes.cuda, repackage=wishes.repackage)
        packages = ", ".join(f'"{one}"' for one in wanted)
        yield f'\n[[upstream]]\npreset = "nvidia/{name}"\n'
        yield f'\n[[pin]]\nupstream = "{name}"\npackages = [{packages}]\n'
        if int(wishes.cudnn.split(".")[0]) < 9:  # from 9 on the name says it
            yield f'cuda = "{wishes.cuda}"\n'
        if wishes.repackage:
            yield 'recipe = "cudnn"\noutputs = ["mirror", "conda", "wheel"]\n'


def packages_for(name: str, cudnn: str, cuda: str, *, repackage: bool = False) -> Sequence[str]:
    """Return the entries that pin runtime and development files in a repository: deb or rpm names, by its name.

    Where they are to be repackaged, rpms come with the samples, which alone have the licence text.
    """
    major, apt = cudnn.split(".", maxsplit=1)[0], name.startswith(_APT)
    version = cudnn if cudnn.count(".") == 3 else f"{cudnn}.*"
    variant = f"-cuda-{cuda.split('.', maxsplit=1)[0]}" if int(major) >= 9 else ""
    parts = ["", "-dev" if apt else "-devel", *(["-headers"] if _has_headers(cudnn, variant) else [])]
    names = [f"libcudnn{major}{part}{variant}" for part in parts]
    names += [f"libcudnn{major}-samples"] if repackage and not apt else []
    return [f"{one}={version}-*" if apt else f"{one}-{version}-*" for one in names]


def _has_headers(cudnn: str, variant: str) -> bool:
    """Return whether the headers are in a package of their own: since 9.14, so never for CUDA 11.

    From 9.10 on there is one too, which the development package brings along.
    """
    if not variant or variant == "-cuda-11":
        return False
    known = tuple(int(one) for one in cudnn.split(".")[:2])
    return known >= (9, 14) or known == (9,)
