"""Which archives of NVIDIA's redistrib manifests a pin means, and which manifests have to be read for that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from cudepot.catalog.config.config import Pin
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.catalog.nvidia.published import PLATFORMS, fits_version
from cudepot.errors import ConfigError, PinError
from cudepot.formats.redistrib import Redistributed
from cudepot.kinds.rules.other_spelling import is_cudnn, wish

COMPONENTS = ("cudnn", "cudnn_jit", "cudnn_samples")
_NAME = re.compile(r"redistrib_(\d+(?:\.\d+){2,3})\.json")
_EXACT = re.compile(r"\d+(?:\.\d+){2,3}")


def wanted(spec: str) -> tuple[str, str]:
    """Return component and version of an entry of ``packages``: ``cudnn=9.12.*``; no version is the newest.

    Raises:
        ConfigError: no component of the manifests.
    """
    name, _, version = (part.strip() for part in spec.partition("="))
    if name not in COMPONENTS or "=" in version:
        raise ConfigError(f"pin {spec!r}: expected {', '.join(COMPONENTS)}", hint=_as_archive(spec))
    return name, version


def _as_archive(spec: str) -> str:
    """Return the hint for an entry that is spelt otherwise: component and version, the CUDA in a key of its own."""
    asked = wish(spec)
    if asked is None or not is_cudnn(asked):
        return 'write it as "cudnn=9.12.0.46"'
    return f'write "cudnn={asked.version}"' + (f', and cuda = "{asked.cuda}"' if asked.cuda else "")


def is_exact(version: str) -> bool:
    """Return whether a version names one manifest, so that no list of them is needed."""
    return bool(_EXACT.fullmatch(version))


def listed(page: str) -> dict[str, str]:
    """Return version → file name of the manifests a folder's page names.

    Releases of 8.x have two, of three and of four parts; the shorter name is the one NVIDIA rewrote later.
    """
    return {version: f"redistrib_{version}.json" for version in _NAME.findall(page)}


def manifests(version: str, known: Iterable[str]) -> list[str]:
    """Return the versions, as their manifests are named, in which a version or glob may be found, newest first.

    Args:
        version: exact, a glob, or empty for any.
        known: versions that have a manifest.
    """
    names = sorted(set(known), key=_number, reverse=True)
    short = {".".join(one.split(".")[:3]) for one in names if one.count(".") == 2}
    best = [one for one in names if one.count(".") == 2 or ".".join(one.split(".")[:3]) not in short]
    return [one for one in best if not version or _may_be(one, version)]


def _may_be(name: str, version: str) -> bool:
    """Compare as many parts as both have: manifests are named with three, releases with four."""
    return all(fnmatchcase(a, b) for a, b in zip(name.split("."), version.split("."), strict=False))


def choose(pin: Pin, component: str, version: str, files: Sequence[Redistributed]) -> tuple[Redistributed, ...]:
    """Return the archives of one manifest that a pin means.

    Raises:
        PinError: a platform has none for the CUDA variant.
    """
    of_it = [one for one in files if one.component == component and fits_version(version, one.version)]
    found = []
    for subdir in pin.subdirs:
        fitting = serving(pin, component, subdir, of_it)
        if of_it and not fitting:
            raise PinError(
                f"{component} {of_it[0].version} has nothing for {subdir}" + (f", CUDA {pin.cuda}" if pin.cuda else ""),
                hint="there: " + ", ".join(f"{one.platform} CUDA {one.cuda or 'any'}" for one in of_it),
            )
        found += fitting
    return tuple(dict.fromkeys(found))


def serving(pin: Pin, component: str, subdir: str, files: Iterable[Redistributed]) -> list[Redistributed]:
    """Return the archives of a component that a platform can take, of the pin's CUDA, whatever their version."""
    here = [one for one in files if one.component == component and PLATFORMS.get(one.platform) in (subdir, "noarch")]
    return [one for one in here if not pin.cuda or not one.cuda or same_cuda(pin.cuda, one.cuda)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
