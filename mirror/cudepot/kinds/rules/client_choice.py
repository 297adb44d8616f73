"""Which of a site's debs or rpms a client is held to: those of one CUDA, or the ones somebody names. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cudepot.catalog.ecosystems import YUM, HeldKind, Row, row_for
from cudepot.catalog.lock import Artifact
from cudepot.catalog.nvidia.cuda_variant import cuda_said
from cudepot.catalog.site.choice import Choice, selected
from cudepot.catalog.site.holdings import Held, cuda_of, held_package
from cudepot.errors import PinError

EVERYTHING = Choice("")
_ANY = ("all", "noarch")


def chosen(published: Sequence[Artifact], choice: Choice) -> frozenset[Artifact]:
    """Return the packages a choice is about, without what they need: all pinned ones, unless it names others.

    Raises:
        PinError: there are none, or something was asked for that is not there; the hint names what is.
    """
    pinned = [one for one in published if one.why == "pin"]
    if not (choice.cuda or choice.only):
        return frozenset(pinned)
    if not published:
        raise PinError(
            "clients cannot hold its packages by name: it is mirrored whole, so no version is locked",
            hint="use --cuda alone, which holds the packages for that CUDA, or pin packages instead of `whole = true`",
        )
    held = {held_package(one): one for one in (published if choice.only else pinned)}
    return frozenset(held[one] for one in selected(held, (HeldKind.DEB, HeldKind.RPM), choice))


def within(paths: Iterable[str], kind: str, cuda: str) -> dict[str, list[str]]:
    """Return globs over the versions that clients of a repository mirrored whole stay within: those of one CUDA.

    Args:
        paths: of its files.
        kind: ``deb`` or ``rpm``.
        cuda: the CUDA.

    Returns:
        Name → globs, for the packages that have a version for it and say so there, as cuDNN does up to 8.

    Raises:
        PinError: there is none.
    """
    row = row_for(kind)
    said = {(name, cuda_said(version)) for name, version in _named(paths, row) if cuda_said(version)}
    names = sorted({name for name, one in said if f"{one}.".startswith(f"{cuda}.")})
    if not names:
        there = ", ".join(sorted({one for _, one in said}, key=lambda text: [int(part) for part in text.split(".")]))
        raise PinError(
            f"none of it is for CUDA {cuda}", hint=f"it is for CUDA {there or 'none, as far as versions say'}"
        )
    globs = [f"*-*.cuda{cuda}"] if row is YUM else [f"*+cuda{cuda}", f"*+cuda{cuda}.*"]
    return dict.fromkeys(names, globs)


def _named(paths: Iterable[str], row: Row) -> Iterator[tuple[str, str]]:
    """Give name and version, of an rpm with its release, that file names of packages say."""
    names = [path.rpartition("/")[2] for path in paths]
    found = (re.fullmatch(form, name) for form in row.file_names for name in names)
    return ((one["name"], one["version"]) for one in found if one)


def several(packages: Iterable[Held]) -> dict[str, list[str]]:
    """Return the packages of which one machine may have several versions, with these: name → versions, newest last."""
    found: dict[str, list[Held]] = {}
    for one in packages:
        found.setdefault(one.name, []).append(one)
    rivals = {name: _rivals(alike) for name, alike in sorted(found.items())}
    return {name: sorted(versions, key=_order(found[name])) for name, versions in rivals.items() if versions}


def _order(alike: Sequence[Held]) -> Callable[[str], Any]:
    versions = row_for(alike[0].kind).versions
    return versions() if versions else str


def _rivals(alike: Iterable[Held]) -> set[str]:
    """Return the versions of one package that one machine could have; one for every architecture is for each."""
    by_machine: dict[str, set[str]] = {}
    for one in alike:
        by_machine.setdefault("" if one.platform in _ANY else one.platform, set()).add(one.version)
    each = [versions | by_machine.get("", set()) for versions in by_machine.values()]
    return {version for versions in each if len(versions) > 1 for version in versions}


def variants(rivals: Mapping[str, Sequence[str]], packages: Iterable[Held]) -> list[str]:
    """Return the CUDAs that versions of one package are for, where these are several: each is a choice of its own."""
    said = {cuda_of(one) for one in packages if one.version in rivals.get(one.name, ())}
    found = sorted(said - {""}, key=lambda cuda: [int(part) for part in cuda.split(".")])
    return found if len(found) > 1 else []


def warning(name: str, versions: Sequence[str], cudas: Sequence[str]) -> str:
    """Return what to tell of a package that is held in several versions."""
    return (
        f"{name} is held in {len(versions)} versions ({', '.join(versions)}), and an upgrade goes to the newest: "
        f"choose with {how(name, versions, cudas)}"
    )


def how(name: str, versions: Sequence[str], cudas: Sequence[str]) -> str:
    """Return the options that choose one of a package's versions."""
    only = f"--only {name}={versions[0]}"
    return f"--cuda {cudas[0]}, or {only}" if cudas else only
