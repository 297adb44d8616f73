"""An existing environment, as its own tool lists it, read as the pins that reproduce its NVIDIA packages.

Read are ``dpkg -l``, ``rpm -qa``, ``pip freeze`` and ``conda env export`` (or ``conda list --export``); which of them a
text is, each of its lines says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cudepot.catalog.config import Pin
from cudepot.catalog.config_upstream import Upstream
from cudepot.errors import PinError

_DPKG = re.compile(r"^[hi]i\s+(?P<name>[a-z0-9][a-z0-9.+-]+)(?::\w+)?\s+(?P<version>\S+)\s+(?P<arch>\w+)(?:\s|$)")
_PIP = re.compile(r"^\s*(?:-\s+)?(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[\w.!+]+)\s*(?:[;\\#].*)?$")
_CONDA = re.compile(r"^\s*(?:-\s+)?(?P<name>[a-z0-9_][\w.-]*)=(?P<version>[\w.!+]+)(?:=(?P<build>[\w.]+))?\s*$")
_RPM = re.compile(
    r"^(?P<name>[A-Za-z0-9_.+-]+)-(?P<version>[^-\s]+-[^-\s]+?)\.(?P<arch>x86_64|aarch64|ppc64le|noarch)$"
)
_NVIDIA = re.compile(
    r"(?:lib)?(?:cudnn|nvinfer|nccl|cublas|cufft|curand|cusolver|cusparse|cutensor|npp|nvjpeg|nvjitlink)[\w.+-]*"
    r"|nvidia-[\w.+-]+|cuda(?:-[\w.+-]+|toolkit)?|libcuda[\w.+-]*"
)
_TYPES = {"deb": ("apt", "local-repo"), "rpm": ("yum",), "wheel": ("simple",), "conda": ("simple", "apt")}
_CONDA_CUDNN = ("cudnn", "libcudnn")


@dataclass(frozen=True, slots=True)
class Installed:
    """A package that is installed somewhere.

    Attributes:
        kind: ``deb``, ``rpm``, ``wheel`` or ``conda``.
        version: as its own tool writes it; EVR without epoch for an rpm.
        architecture: of a deb or rpm; empty for others.
        build: build string of a conda package.
    """

    kind: str
    name: str
    version: str
    architecture: str = ""
    build: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pins that reproduce an environment, and its packages that no pin can stand for, with the reason."""

    pins: tuple[Pin, ...]
    left: tuple[tuple[Installed, str], ...]


def read_environment(text: str) -> list[Installed]:
    """Return NVIDIA's packages an environment lists, in its order; lines that list nothing are passed over."""
    found = []
    for line in text.splitlines():
        for kind, form in (("deb", _DPKG), ("wheel", _PIP), ("conda", _CONDA), ("rpm", _RPM)):
            match = form.match(line)
            if match:
                part = match.groupdict()
                name = part["name"].lower().replace("_", "-") if kind == "wheel" else part["name"]
                one = Installed(kind, name, part["version"], part.get("arch") or "", part.get("build") or "")
                found += [one] if _NVIDIA.fullmatch(name) else []
                break
    return found


def pins_of(installed: Sequence[Installed], upstreams: Sequence[Upstream], chosen: Sequence[str] = ()) -> Wanted:
    """Return the pins on the upstreams that reproduce what is installed.

    Args:
        installed: NVIDIA's packages.
        upstreams: those of cudepot.toml.
        chosen: names of upstreams to take where several could have a package.

    Raises:
        PinError: several upstreams could have a package and none of them is chosen.
    """
    wanted: dict[tuple[str, bool], list[str]] = {}
    left: list[tuple[Installed, str]] = []
    cuda = _cuda(installed)
    for one in installed:
        place = _upstream(one, upstreams, chosen)
        specs = _specs(one, place, cuda) if place else []
        if place is None:
            left.append((one, f"no upstream of type {' or '.join(_TYPES[one.kind])}"))
        elif not specs:
            left.append((one, "cudepot makes no such conda package: it comes from a channel of yours"))
        else:
            wanted.setdefault((place.name, one.kind == "conda"), []).extend(specs)
    pins = tuple(_pin(name, specs, cuda if conda else None) for (name, conda), specs in wanted.items())
    return Wanted(pins, tuple(left))


def _pin(upstream: str, specs: Sequence[str], cuda: str | None) -> Pin:
    """Return a pin on what is mirrored, or, with a CUDA version (even an unknown one), on what conda needs."""
    packages = tuple(dict.fromkeys(specs))
    if cuda is None:
        return Pin(upstream, packages)
    return Pin(upstream, packages, recipe="cudnn", cuda=cuda, outputs=("conda",))


def _upstream(one: Installed, upstreams: Sequence[Upstream], chosen: Sequence[str]) -> Upstream | None:
    for kind in _TYPES[one.kind]:
        able = [place for place in upstreams if place.type == kind]
        named = [place for place in able if place.name in chosen] or able
        if len(named) > 1:
            raise PinError(
                f"{one.name} {one.version} may come from {', '.join(place.name for place in named)}",
                hint="say which with --upstream NAME",
            )
        if named:
            return named[0]
    return None


def _specs(one: Installed, place: Upstream, cuda: str) -> list[str]:
    """Return how pins on an upstream of that type name the package."""
    if one.kind == "deb":
        return [f"{one.name}={one.version}"]
    if one.kind == "rpm":
        return [f"{one.name}-{one.version}"]
    version = one.version.partition("+")[0]  # a local label (+acme.1) is a site's own, not NVIDIA's
    if one.kind == "wheel":
        return [f"{one.name}=={version}"]
    return _conda_specs(one.name, version, place, cuda)


def _conda_specs(name: str, version: str, place: Upstream, cuda: str) -> list[str]:
    if name not in _CONDA_CUDNN:
        return []
    major, variant = version.partition(".")[0], cuda.partition(".")[0]
    if place.type == "simple":
        return [f"nvidia-cudnn-cu{variant}=={version}"] if variant else []
    if int(major) >= 9:
        return [f"libcudnn9{part}-cuda-{variant}={version}-*" for part in ("", "-dev")] if variant else []
    return [f"libcudnn{major}{part}={version}-*" for part in ("", "-dev")]


def _cuda(installed: Sequence[Installed]) -> str:
    """Return the CUDA version of a conda environment; empty when it does not say."""
    for one in installed:
        if one.kind == "conda" and one.name in ("cuda-version", "cudatoolkit"):
            return ".".join(one.version.split(".")[:2])
    built = (re.match(r"cuda(\d+(?:\.\d+)?)", one.build) for one in installed)
    return next((found[1] for found in built if found), "")
