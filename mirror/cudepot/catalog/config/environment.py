"""An existing environment, read as the pins that reproduce its NVIDIA packages.

A package may come from several places: apt repositories, a wheel index a conda package is built from. Each place is
tried, and what it turns out to lack is left out with the reason: only an upstream knows what it has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.listings import Installed, read_listing
from cudepot.catalog.ecosystems import ArtifactKind, Output, plural, row_for
from cudepot.errors import PinError

_NVIDIA = re.compile(
    r"(?:lib)?(?:cudnn|nvinfer|nccl|cublas|cufft|cufile|curand|cusolver|cusparse|cutensor|npp|nvjpeg|nvjitlink)[\w.+-]*"
    r"|(?:lib)?nvidia-[\w.+-]+|cuda(?:-[\w.+-]+|toolkit)?|libcuda[\w.+-]*|nv-[\w.+-]+"
)
_REPOSITORIES = re.compile(r".*-local-repo-.*|cuda-repo-.*|.*-repo-(?:ubuntu|rhel|debian)\w*-.*|cuda-keyring")
"""Packages that do nothing but set up a repository: NVIDIA's own, or one inside an installer."""
_FROM: dict[str, tuple[str, ...]] = {
    ArtifactKind.DEB: (ArtifactKind.DEB,), ArtifactKind.RPM: (ArtifactKind.RPM,),
    ArtifactKind.WHEEL: (ArtifactKind.WHEEL,), ArtifactKind.CONDA: (ArtifactKind.WHEEL, ArtifactKind.DEB),
}  # fmt: skip
"""What is installed → what it is had as, or built from, the best first."""
_CONDA_CUDNN = ("cudnn", "libcudnn", "libcudnn-dev")
_COMPANIONS = {"libcublas": "nvidia-cublas", "cuda-nvrtc": "nvidia-cuda-nvrtc"}
_CUT = "its line may be truncated at the width of the terminal: use `dpkg-query -W`"

Unmatched = Collection[tuple[str, str]]
"""Upstream and entry of a pin that matches nothing there."""


class Carrier(NamedTuple):
    """An upstream that packages may come from.

    Attributes:
        kinds: of artifacts it has.
        lasting: whether it is a repository that goes on; what has but what it was made with, an installer, comes after.
        whole: whether all of it is mirrored, so that nothing is pinned.
    """

    upstream: str
    kinds: tuple[str, ...]
    lasting: bool = True
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """An upstream a package may come from, and the entries of a pin that ask for it there.

    Attributes:
        rank: lower is better; places of one rank are equally good.
        recipe: what repackages it; empty where it is mirrored.
    """

    upstream: str
    specs: tuple[str, ...]
    rank: int
    recipe: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """An installed package with every place it may come from; with none, ``why`` says why not."""

    package: Installed
    places: tuple[Place, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pins that reproduce an environment.

    Attributes:
        pins: what to write.
        left: packages that no pin can stand for, with the reason.
        present: packages of upstreams that are mirrored whole: nothing to pin.
    """

    pins: tuple[Pin, ...]
    left: tuple[tuple[Installed, str], ...]
    present: tuple[Installed, ...] = ()


def read_environment(text: str) -> list[Installed]:
    """Return NVIDIA's packages that a listing names, in its order."""
    return [one for one in read_listing(text) if _NVIDIA.fullmatch(one.name)]


def choices(
    installed: Sequence[Installed], upstreams: Sequence[Carrier], chosen: Sequence[str] = (), *, closed: bool = False
) -> list[Choice]:
    """Return where each package may come from.

    Args:
        installed: NVIDIA's packages.
        upstreams: those of cudepot.toml whose pins name packages.
        chosen: names of upstreams to take where several could have a package.
        closed: whether the conda channel does without conda-forge, so that CUDA's libraries are built as well.
    """
    cuda = _cuda(installed)
    return [_choice(one, upstreams, chosen, cuda, closed=closed) for one in installed]


def _choice(one: Installed, upstreams: Sequence[Carrier], chosen: Sequence[str], cuda: str, *, closed: bool) -> Choice:
    if one.why:
        return Choice(one, why=one.why)
    if _REPOSITORIES.fullmatch(one.name):
        return Choice(one, why="it only sets up a repository of NVIDIA's; `cudepot client` makes one for your site")
    if one.kind == ArtifactKind.CONDA and (why := _not_built(one, cuda, closed=closed)):
        return Choice(one, why=why)
    places = tuple(_places(one, upstreams, chosen, cuda))
    return Choice(one, places, "" if places else f"no upstream has {' or '.join(map(plural, _FROM[one.kind]))}")


def _places(one: Installed, upstreams: Sequence[Carrier], chosen: Sequence[str], cuda: str) -> Iterator[Place]:
    ways = [(kind, lasting) for kind in _FROM[one.kind] for lasting in (True, False)]
    for rank, (kind, lasting) in enumerate(ways):
        able = [place for place in upstreams if kind in place.kinds and place.lasting == lasting]
        for place in [place for place in able if place.upstream in chosen] or able:
            specs = _specs(one, kind, cuda)
            if specs:
                mirrored = place.whole and one.kind != ArtifactKind.CONDA
                yield Place(place.upstream, tuple(specs), rank, _recipe(one, cuda), mirrored)


def _specs(one: Installed, kind: str, cuda: str) -> list[str]:
    """Return how a pin names the package where it is had as, or built from, a kind of artifact."""
    if kind == one.kind and row_for(kind).signed:
        return [row_for(kind).spec(one.name, one.version)]
    version = one.version.partition("+")[0]  # a local label (+acme.1) is a site's own, not NVIDIA's
    if one.kind == ArtifactKind.CONDA:
        return _conda_specs(one.name, version, kind, cuda)
    return [row_for(kind).spec(one.name, version)]


def _not_built(one: Installed, cuda: str, *, closed: bool) -> str:
    """Return why no pin stands for a conda package; empty where one does."""
    if one.name == "cuda-version":
        return "it contains no files: cuDNN's own pins give the CUDA they are for"
    if one.name in ("cudatoolkit", *_COMPANIONS) and not closed:
        return "it comes from conda-forge; a channel without conda-forge (closed-channel = true) builds it"
    if one.name not in (*_CONDA_CUDNN, "cudatoolkit", *_COMPANIONS):
        return "cudepot does not build this conda package: it comes from one of your channels"
    if one.name == "cudatoolkit":
        return "pin the nvidia-cublas-cu11 it was made from: its own version says nothing about cuBLAS's"
    if not cuda:
        return "the listing does not say for which CUDA: add its `cuda-version` (or `cudatoolkit`) line"
    return ""


def _recipe(one: Installed, cuda: str) -> str:
    if one.kind != ArtifactKind.CONDA:
        return ""
    return one.name if one.name in _COMPANIONS and cuda else "cudnn"


def _conda_specs(name: str, version: str, kind: str, cuda: str) -> list[str]:
    major, variant = version.partition(".")[0], cuda.partition(".")[0]
    version = (
        version if version.count(".") >= 3 or name in _COMPANIONS else f"{version}.*"
    )  # conda has 8.2.1 of 8.2.1.32
    if name in _COMPANIONS:
        suffix = f"-cu{variant}" if int(variant) < 13 else ""
        return [f"{_COMPANIONS[name]}{suffix}=={version}"] if kind == ArtifactKind.WHEEL else []
    if kind == ArtifactKind.WHEEL:
        return [f"nvidia-cudnn-cu{variant}=={version}"]
    parts = ("", "-dev", "-headers") if _has_headers(version) else ("", "-dev")
    if int(major) >= 9:
        return [f"libcudnn9{part}-cuda-{variant}={version}-*" for part in parts]
    return [f"libcudnn{major}{part}={version}-*" for part in parts]


def _has_headers(version: str) -> bool:
    """Return whether NVIDIA ships the headers of that version as a package of their own: since 9.14."""
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= (9, 14)


def _cuda(installed: Sequence[Installed]) -> str:
    """Return the CUDA version of a conda environment; empty when it does not say."""
    for one in installed:
        if one.kind == ArtifactKind.CONDA and one.name in ("cuda-version", "cudatoolkit"):
            return ".".join(one.version.split(".")[:2])
    built = (re.match(r"cuda_?(\d+(?:\.\d+)?)", one.build) for one in installed)
    return next((found[1] for found in built if found), "")


def trial_pins(asked: Sequence[Choice], lacking: Unmatched) -> list[Pin]:
    """Return pins on every place that is not known to lack its package, to be tried."""
    cuda = _cuda([one.package for one in asked])
    there = [(one.package, place) for one in asked for place in _left(one, lacking) if not place.whole]
    return _pins(there, cuda)


def _left(choice: Choice, lacking: Unmatched) -> list[Place]:
    return [one for one in choice.places if not any((one.upstream, spec) in lacking for spec in one.specs)]


def settle(asked: Sequence[Choice], lacking: Unmatched, failed: Mapping[str, str]) -> Wanted:
    """Return the pins on what the upstreams turned out to have.

    Args:
        asked: every package with its places.
        lacking: what was tried and matches nothing.
        failed: upstream → why it could not be asked.

    Raises:
        PinError: several upstreams have a package, and it is not clear which is meant.
    """
    found: list[tuple[Installed, Place]] = []
    left: list[tuple[Installed, str]] = []
    present: list[Installed] = []
    for one in asked:
        places = [place for place in _left(one, lacking) if place.upstream not in failed]
        best = [place for place in places if place.rank == places[0].rank]
        if not best:
            left.append((one.package, one.why or _why(one, failed)))
        elif len(best) > 1:
            raise PinError(
                f"{one.package.name} {one.package.version} may come from {', '.join(p.upstream for p in best)}",
                hint="choose one with --upstream NAME",
            )
        elif best[0].whole:
            present.append(one.package)
        else:
            found.append((one.package, best[0]))
    return Wanted(tuple(_pins(found, _cuda([one.package for one in asked]))), tuple(left), tuple(present))


def _why(choice: Choice, failed: Mapping[str, str]) -> str:
    told = [failed[place.upstream] for place in choice.places if place.upstream in failed]
    where = ", ".join(place.upstream for place in choice.places)
    if told:
        return told[0]
    return _CUT if choice.package.cut else f"{where} has no such version"


def _pins(found: Sequence[tuple[Installed, Place]], cuda: str) -> list[Pin]:
    """Return one pin for each upstream and recipe; hashes that a listing had are kept with them."""
    specs: dict[tuple[str, str], dict[str, None]] = {}
    hashes: dict[tuple[str, str], dict[str, str]] = {}
    for one, place in found:
        at = (place.upstream, place.recipe)
        specs.setdefault(at, {}).update(dict.fromkeys(place.specs))
        if one.sha256 and "+" not in one.version:
            hashes.setdefault(at, {})[one.filename] = one.sha256
    return [
        Pin(
            upstream,
            tuple(several),
            recipe=recipe,
            cuda=cuda if recipe == "cudnn" else "",  # of others the name says it
            outputs=(Output.CONDA,) if recipe else (Output.MIRROR,),
            sha256=tuple(sorted(hashes.get((upstream, recipe), {}).items())),
        )
        for (upstream, recipe), several in specs.items()
    ]
