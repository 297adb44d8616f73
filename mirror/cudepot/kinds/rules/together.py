"""Which of the packages that one ``[[pin]]`` names a machine is meant to install together. Pure.

One rule for debs and rpms (``docs/adr/0033-installed-together.md``): who writes names without a glob into one table
means one machine, of one CUDA, with one version of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cudepot.catalog.nvidia.cuda_variant import cuda_major

One = TypeVar("One")


def together(packages: Sequence[One], called: Callable[[One], tuple[str, str]]) -> list[list[One]]:
    """Return the sets that have to be installable together; a package may be in several.

    Args:
        packages: what one ``[[pin]]`` names without a glob.
        called: gives name and version of each.

    Returns:
        for each major version of CUDA that packages say they are for, those of it and those that say none; without the
        names of which several versions are meant there.
    """
    majors = list(dict.fromkeys(cuda_major(*called(one)) for one in packages))
    said = [one for one in majors if one] or [""]
    sets = ([one for one in packages if cuda_major(*called(one)) in ("", major)] for major in said)
    return [found for several in sets if (found := _in_one_version(several, called))]


def apart(packages: Sequence[One], called: Callable[[One], tuple[str, str]]) -> list[One]:
    """Return the packages of one ``[[pin]]`` that need not go together, and exclude each other perhaps.

    Where they are of several CUDAs, those are all names of which one version is meant; else there are none.
    """
    return _in_one_version(packages, called) if len(together(packages, called)) > 1 else []


def _in_one_version(packages: Sequence[One], called: Callable[[One], tuple[str, str]]) -> list[One]:
    versions: dict[str, set[str]] = {}
    for name, version in map(called, packages):
        versions.setdefault(name, set()).add(version)
    return [one for one in packages if len(versions[called(one)[0]]) == 1]
