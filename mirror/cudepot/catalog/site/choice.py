"""What of a site an export is about: packages held against ``--only``, ``--cuda``, ``--repository``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from cudepot.catalog.ecosystems import HeldKind, plural
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.catalog.site.holdings import Held, cuda_of
from cudepot.errors import PinError

# since CUDA 13 NVIDIA's wheels of CUDA itself have no suffix
_UNMARKED = re.compile(
    r"nvidia-(?:cublas|cuda-[a-z0-9-]+|cufft|cufile|curand|cusolver|cusparse|npp|nvfatbin|nvjitlink|nvjpeg|"
    r"nvptxcompiler|nvtx|nvvm)"
)
_FIRST_UNMARKED = 13


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the site an export is about.

    Attributes:
        platform: conda's name of it.
        cuda: begin of the CUDA version packages are for; empty for any.
        repository: of an apt or yum repository, with or without ``apt/`` before it; empty for the only one.
        only: ``NAME``, ``NAME=VERSION`` or, of conda packages, ``NAME=VERSION=BUILD``; empty for all.
    """

    platform: str
    cuda: str = ""
    repository: str = ""
    only: tuple[str, ...] = ()


def selected(held: Iterable[Held], kinds: Sequence[str], choice: Choice) -> tuple[Held, ...]:
    """Return the packages of some kinds that a choice is about, without what they need.

    Raises:
        PinError: there are none, or something was asked for that is not there; the hint names what is.
    """
    everything = tuple(held)
    ours = [one for one in everything if one.kind in kinds and _is_in(one, choice)]
    if not ours:
        raise _nothing(everything, kinds, choice)
    named = [(text, [one for one in ours if _is_named(one, text)]) for text in choice.only]
    for text, found in named:
        if not found:
            raise _absent(text, ours)
    roots = [one for one in ours if not choice.only or any(one in found for _, found in named)]
    fitting = tuple(one for one in roots if not choice.cuda or is_for(one, choice.cuda))
    if not fitting:
        there = ", ".join(sorted({cuda_said(one) for one in roots} - {""}))
        raise PinError(f"none of it is for CUDA {choice.cuda}", hint=f"it is for CUDA {there}")
    return fitting


def is_any(held: Iterable[Held], kind: str, choice: Choice) -> bool:
    """Return whether a choice is about any package of a kind."""
    try:
        return bool(selected(held, (kind,), choice))
    except PinError:
        return False


def _is_in(one: Held, choice: Choice) -> bool:
    if one.kind == HeldKind.CONDA:
        return one.platform in (choice.platform, "noarch")
    wanted = choice.repository.strip("/")
    return not wanted or one.kind == HeldKind.WHEEL or wanted in (one.repository, one.repository.partition("/")[2])


def is_for(one: Held, cuda: str) -> bool:
    """Return whether a package is for a CUDA version like ``12`` or ``11.1``, or does not say for which."""
    said = cuda_said(one)
    return not said or same_cuda(said, cuda)


def cuda_said(one: Held) -> str:
    """Return the CUDA version a package is for; empty when nothing tells.

    NVIDIA's wheels of CUDA itself say it by having no suffix: they are CUDA 13's, or their own major version's.
    """
    said = cuda_of(one)
    if said or one.kind != HeldKind.WHEEL or not _UNMARKED.fullmatch(_project(one.name)):
        return said
    major = one.version.partition(".")[0]
    return str(max(_FIRST_UNMARKED, int(major) if major.isdecimal() else 0))


def _is_named(one: Held, text: str) -> bool:
    name, _, rest = text.partition("=")
    version, _, build = rest.lstrip("=").partition("=")
    return (
        _plain(one.kind, one.name) == _plain(one.kind, name.strip())
        and _is_version(one.version, version.strip())
        and (not build or fnmatchcase(one.build, build))
    )


def _project(name: str) -> str:
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - where there are wheels; start-up counts

    return canonicalize_name(name)


def _plain(kind: str, name: str) -> str:
    """Return a name as its ecosystem compares it."""
    return _project(name) if kind == HeldKind.WHEEL else name.lower() if kind == HeldKind.CONDA else name


def _is_version(found: str, wanted: str) -> bool:
    """Return whether a version is one that was asked for by its first parts, as a glob, or without its epoch."""
    if ":" in found and ":" not in wanted:
        found = found.partition(":")[2]
    if "*" in wanted:
        return fnmatchcase(found, wanted)
    return found.startswith(wanted) and (not wanted or found == wanted or not found[len(wanted)].isalnum())


def _nothing(held: Sequence[Held], kinds: Sequence[str], choice: Choice) -> PinError:
    """Return the error that says what the site has instead."""
    ours = [one for one in held if one.kind in kinds]
    if not ours:
        there = ", ".join(plural(kind) for kind in dict.fromkeys(one.kind for one in held))
        return PinError(
            f"the site has no {' or '.join(map(plural, kinds))}",
            hint=f"it has {there or 'no packages'}; `cudepot export` lists the formats for each",
        )
    if any(one.kind == HeldKind.CONDA for one in ours):
        there = ", ".join(sorted({one.platform for one in ours}))
        return PinError(f"the site has no conda packages for {choice.platform}", hint=f"--platform is one of {there}")
    there = ", ".join(sorted({one.repository for one in ours}))
    return PinError(f"the site has no repository {choice.repository!r}", hint=f"--repository is one of {there}")


def _absent(text: str, held: Sequence[Held]) -> PinError:
    name = text.partition("=")[0].strip()
    versions = sorted({one.version for one in held if _plain(one.kind, one.name) == _plain(one.kind, name)})
    names = sorted({one.name for one in held})
    near = get_close_matches(name, names, n=3) or names[:8]
    known = f"of {name} it has {', '.join(versions)}" if versions else f"it has {', '.join(near)}"
    return PinError(f"the site has no {text!r}", hint=known + ("" if versions else ", …" if len(names) > 8 else ""))
