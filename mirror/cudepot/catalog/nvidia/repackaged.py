"""What the artifacts of one upstream are repackaged as, seen together: their CUDA, and whether all parts are there.

One artifact's name says what it is; which others a recipe needs beside it, the names of all of them say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from cudepot.catalog.config.config import Pin
from cudepot.catalog.ecosystems import SYSTEM_KINDS, ArtifactKind, Output, row_for
from cudepot.catalog.lock import Artifact
from cudepot.catalog.nvidia.cuda_components import COMPONENT_OF, CudaComponents
from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.errors import PinError
from cudepot.formats.payload import Role
from cudepot.formats.release import Release

_PART = re.compile(r"-(dev|devel|headers|static|samples|doc)(?=-|$)")
_TAIL = re.compile(r"-(?:cross|cuda)-.*")
_NEEDED = ("", "dev", "devel", "headers")
_HEADERS_LINKED = (9, 10)
"""Since when ``libcudnn9-headers-cuda-N`` exists, and the development package depends on it."""
_HEADERS_APART = (9, 14)
"""Since when the development package is known to hold no header itself: without the other nothing can be made."""


class LackingError(PinError):
    """A release cannot be made of the artifacts alone: another one is needed beside them.

    Attributes:
        wanted: what it is called, as `packages` of a pin name it.
    """

    def __init__(self, message: str, *, hint: str, wanted: str) -> None:
        super().__init__(message, hint=hint)
        self.wanted = wanted


class UnknownCudaError(PinError):
    """Nobody knows which CUDA a component belongs to."""


def completed(
    artifacts: Sequence[Artifact],
    pins: Sequence[Pin],
    components: Callable[[], CudaComponents],
    *,
    folder: bool = False,
) -> tuple[Artifact, ...]:
    """Return one upstream's artifacts with the CUDA of what comes beside cuDNN, and with all that a recipe needs.

    A package that a pinned one depends on, and that is another part of the same release, is repackaged with it.

    Args:
        artifacts: as the upstream's pins were resolved.
        pins: the upstream's.
        components: gives which CUDA releases of cuBLAS and NVRTC belong to; asked only where one is there.
        folder: whether the upstream is a folder of files, whose pins are file names.

    Raises:
        PinError: nobody knows a component's CUDA, or the pins leave out a package that the recipe needs.
    """
    if not any(one.release for one in artifacts):
        return tuple(artifacts)
    said = {(pin.recipe, pin.cuda) for pin in pins}
    placed = [_placed(one, said, components) for one in artifacts]
    found = _with_parts(placed)
    _check(found, folder=folder)
    return found


def part_of(name: str) -> str:
    """Return which part of a release a package is: ``dev``, ``devel``, ``headers`` …; empty for the libraries.

    >>> part_of("libcudnn9-headers-cuda-13"), part_of("libcublas-13-0")
    ('headers', '')
    """
    found = _PART.search(name)
    return found[1] if found else ""


def called(artifact: Artifact, part: str) -> str:
    """Return the name of the package that is another part of an artifact's release; ``part`` as :func:`part_of` says.

    >>> from cudepot.digest import Digest
    >>> deb = Artifact("u", "deb", "libcudnn9-dev-cuda-13", "9.14.0.64-1", "amd64", "", "x", Digest.of(b""))
    >>> called(deb, "headers")
    'libcudnn9-headers-cuda-13'
    >>> called(Artifact("u", "deb", "libcudnn7-cross-qnx", "7.6.5.32-1+cuda10.2", "all", "", "x", deb.digest), "dev")
    'libcudnn7-dev-cross-qnx'
    """
    whole = _PART.sub("", artifact.name)
    stem = _TAIL.sub("", whole)
    if not part:
        return whole
    tail = whole[len(stem) :]
    if part in ("headers", "samples", "doc"):
        stem = stem.removesuffix("-jit")  # one package serves both
    return f"{stem}-{part}" if part in ("samples", "doc") else f"{stem}-{part}{tail}"


def pinned_as(artifact: Artifact, part: str, *, folder: bool) -> str:
    """Return what to write into ``packages`` for another part of an artifact's release."""
    name = called(artifact, part)
    if folder:
        return name + artifact.filename.removeprefix(artifact.name)
    return row_for(artifact.kind).spec(name, artifact.version)


def lacking(artifacts: Sequence[Artifact], release: Release, role: Role, message: str, *, folder: bool) -> PinError:
    """Return the error for packages in which nothing plays a role: which package to pin beside them."""
    one = artifacts[0]
    if role is Role.LICENCE and release.product != "cudnn":
        hint = "the wheel and the deb of the same release contain the licence: repackage one of these"
    else:
        parts = {part_of(each.name) for each in artifacts}
        wanted = pinned_as(one, _holder(one.kind, release, role, parts), folder=folder)
        hint = f'add "{wanted}" to `packages` of the pin, then run `cudepot lock`'
        return LackingError(message, hint=hint, wanted=wanted)
    return PinError(message, hint=hint)


def _holder(kind: str, release: Release, role: Role, parts: Collection[str]) -> str:
    """Return which part of cuDNN, other than ``parts``, holds the files of a role."""
    if role is Role.LICENCE:
        return "samples"
    if role is Role.HEADER:
        development = "dev" if kind == ArtifactKind.DEB else "devel"
        apart = _numbers(release) >= _HEADERS_LINKED or development in parts
        return "headers" if apart and not release.part.startswith("cross-") else development
    return ""


def _numbers(release: Release) -> tuple[int, ...]:
    return tuple(int(one) for one in release.version.split(".")[:2])


def _placed(one: Artifact, said: set[tuple[str, str]], components: Callable[[], CudaComponents]) -> Artifact:
    """Return an artifact of cuBLAS or NVRTC with its CUDA in two parts, unless its pin says which one it is."""
    release = one.release
    if release is None or release.product not in COMPONENT_OF:
        return one
    component = COMPONENT_OF[release.product]
    if "." in release.cuda and (one.kind in SYSTEM_KINDS or (one.recipe, release.cuda) in said):
        return one  # its name says it, or its pin
    cuda = components().cuda_of(component, release.version)
    if not cuda:
        raise UnknownCudaError(
            f"{one.filename}: which CUDA {component} {release.version} belongs to is not known here",
            hint=f'give it a pin of its own with cuda = "{release.version.partition(".")[0]}.N", the CUDA whose '
            "release notes list it",
        )
    return replace(one, release=replace(release, cuda=cuda))


def _with_parts(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Mark what a pinned package brought along and is a part of the same release."""
    artifacts = tuple(artifacts)
    marked = {parse_artifact_name(one.filename): one for one in artifacts if one.release and one.kind in SYSTEM_KINDS}
    if not marked:
        return artifacts
    whole = {parse_artifact_name(one.filename) for one in artifacts if one.release and part_of(one.name) != "headers"}
    return tuple(_for_jit(_like(one, _pinned_with(one, marked)), whole) for one in artifacts)


def _pinned_with(one: Artifact, marked: Mapping[Release | None, Artifact]) -> Artifact | None:
    """Return a marked artifact of the release that ``one`` is a part of; headers serve the JIT libraries as well."""
    release = parse_artifact_name(one.filename)
    if release not in marked and release and part_of(one.name) == "headers":
        release = replace(release, part="jit")
    return marked.get(release)


def _for_jit(one: Artifact, whole: Collection[Release | None]) -> Artifact:
    """Give headers to the JIT libraries where ``whole``, the releases of which there is more, has these alone."""
    release = parse_artifact_name(one.filename)
    if not one.release or not release or part_of(one.name) != "headers" or release in whole:
        return one
    return replace(one, release=replace(one.release, part="jit")) if replace(release, part="jit") in whole else one


def _like(one: Artifact, pinned: Artifact | None) -> Artifact:
    if pinned is None or one.release or one.why == "pin" or part_of(one.name) not in _NEEDED:
        return one
    outputs = tuple(dict.fromkeys((*one.outputs, *pinned.outputs)))
    return replace(one, recipe=pinned.recipe, release=pinned.release, outputs=outputs)


def _check(artifacts: Sequence[Artifact], *, folder: bool) -> None:
    """Raise PinError where a release lacks its libraries, its headers or what is asked for: it could only fail."""
    groups: dict[tuple[str, Release], list[Artifact]] = {}
    for one in artifacts:
        if one.release and one.kind in SYSTEM_KINDS and one.release.part in ("", "jit"):
            groups.setdefault((one.kind, one.release), []).append(one)
    for (kind, release), found in groups.items():
        told = not folder or _numbers(release) >= _HEADERS_APART  # files in a folder may be anybody's: they are opened
        beside = groups.get((kind, replace(release, part="")), []) if release.part else []
        parts = {part_of(one.name) for one in found} | {"headers" for one in beside if part_of(one.name) == "headers"}
        missing = _missing(kind, release, parts, {output for one in found for output in one.outputs})
        if missing is not None and told:
            raise _incomplete(release, found[0], missing, folder=folder)


def _missing(kind: str, release: Release, parts: set[str], outputs: set[str]) -> str | None:
    """Return the part without which nothing can be made; None where all is there, or only samples are wanted."""
    if parts <= {"samples", "doc"}:
        return None
    if "" not in parts:
        return ""
    if release.product != "cudnn":
        return None
    apart = _numbers(release) >= _HEADERS_APART
    if apart and Output.STATIC in outputs - parts:
        return "static"
    if "headers" in parts:
        return None
    development = "dev" if kind == ArtifactKind.DEB else "devel"
    return "headers" if apart else None if development in parts else development


_CONTENTS = {"": "libraries", "static": "static archives"}


def _incomplete(release: Release, one: Artifact, part: str, *, folder: bool) -> PinError:
    what, wanted = _CONTENTS.get(part, "headers"), pinned_as(one, part, folder=folder)
    first = "put it into the folder and " if folder else ""
    return LackingError(
        f"{one.name} {one.version} has a recipe, and nothing pinned holds the {what} of {release.product} "
        f"{release.version}: it could not be repackaged",
        hint=f'{first}add "{wanted}" to `packages` of the pin, then run `cudepot lock`',
        wanted=wanted,
    )
