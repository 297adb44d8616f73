"""The upstreams and pins ``cudepot init`` writes from the distributions, CUDA and cuDNN that a user chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from cudepot.catalog.config.presets import Presets
from cudepot.errors import ConfigError

_APT = ("ubuntu", "debian", "wsl-ubuntu")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a new project is for.

    Attributes:
        distributions: names of NVIDIA's repositories without the vendor: ``ubuntu2004/x86_64``, ``rhel8/sbsa``.
        cudnns: versions, or beginnings that mean the newest so: ``8.0.5.39``, ``9.1``; all of one is ``9.1.*``. Empty
            for the newest.
        cudas: ``11.1``; for cuDNN 9 the first part counts. Empty for the newest that fits.
        repackage: whether conda packages and wheels are to be made as well.
        closed: whether machines see the site alone, so that what these need of CUDA is to be there too.
    """

    distributions: tuple[str, ...]
    cudnns: tuple[str, ...] = ()
    cudas: tuple[str, ...] = ()
    repackage: bool = False
    closed: bool = False


class Meant(NamedTuple):
    """A release that is meant: of a repository, in a version or several (``9.1.*``), for one CUDA."""

    repository: str
    version: str
    cuda: str


def repository(distribution: str) -> str:
    """Return a distribution as NVIDIA's repositories are named: with an architecture, x86_64 unless one is given."""
    return distribution if "/" in distribution else f"{distribution}/x86_64"


def check_repository(distribution: str, presets: Presets) -> str:
    """Return a distribution for which a preset has NVIDIA's repository and pins its key; raise ConfigError."""
    preset = presets.get(f"nvidia/{repository(distribution)}")  # names similar ones where there is none
    if not preset.vouchers:
        signed = f"it was signed by {', '.join(preset.former)}" if preset.former else preset.note
        hint = f"{signed}; then `cudepot add {repository(distribution)} PACKAGE... --key FINGERPRINT --keyring FILE`"
        raise ConfigError(f"preset {preset.name!r} has no pinned key", hint=hint)
    return distribution


def first_pins(releases: Sequence[Meant], *, repackage: bool) -> str:
    """Return the tables for cudepot.toml."""
    return "".join(_tables(releases, repackage=repackage))


def _tables(releases: Sequence[Meant], *, repackage: bool) -> Iterator[str]:
    for name, several in groupby(releases, key=lambda one: one.repository):
        yield f'\n[[upstream]]\npreset = "nvidia/{name}"\n'
        wanted: dict[str, dict[str, None]] = {}
        for one in several:
            packages = packages_for(name, one.version, one.cuda, repackage=repackage)
            wanted.setdefault(_said(one), {}).update(dict.fromkeys(packages))
        for cuda, names in wanted.items():
            listed = ", ".join(f'"{one}"' for one in names)
            yield f'\n[[pin]]\nupstream = "{name}"\npackages = [{listed}]\n' + (f'cuda = "{cuda}"\n' if cuda else "")
            if repackage:
                yield 'recipe = "cudnn"\noutputs = ["mirror", "conda", "wheel"]\n'


def _said(one: Meant) -> str:
    """Return the CUDA that a pin has to say; empty from cuDNN 9 on, whose packages say it in their names."""
    return one.cuda if int(one.version.split(".", maxsplit=1)[0]) < 9 else ""


def packages_for(name: str, cudnn: str, cuda: str, *, repackage: bool = False) -> Sequence[str]:
    """Return the entries that pin runtime and development files in a repository: deb or rpm names, by its name.

    Where they are to be repackaged, rpms come with the samples, which alone have the licence text.
    """
    major, apt = cudnn.split(".", maxsplit=1)[0], name.startswith(_APT)
    version = cudnn if cudnn.count(".") == 3 or cudnn.endswith("*") else f"{cudnn}.*"
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
    known = tuple(int(one) for one in cudnn.split(".")[:2] if one != "*")
    return known >= (9, 14) or known == (9,)
