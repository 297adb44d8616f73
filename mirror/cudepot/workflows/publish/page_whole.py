"""Packages of repositories that are mirrored whole, for the page's search: no lock lists them, the tree does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import groupby

from cudepot.catalog.ecosystems import repositories, signed_suffixes
from cudepot.catalog.nvidia.site_paths import bare
from cudepot.catalog.site.snapshot import Tree


def whole_repositories(tree: Tree, listed: Set[str]) -> dict[str, list[str]]:
    """Return the repositories that are mirrored whole → paths of their packages; ``listed``: those that are not.

    What NVIDIA's paths show a second time is the same repositories.
    """
    tree = bare(tree)
    ends = tuple(f"/{path}" for row in repositories() for path in row.root_paths)
    packages = signed_suffixes()
    roots = [path for path in tree if path.endswith(ends)]
    found = {path.removesuffix(end).partition("/dists/")[0] for path in roots for end in ends if path.endswith(end)}
    return {
        one: sorted(path for path in tree if path.startswith(f"{one}/") and path.endswith(packages))
        for one in sorted(found - listed)
    }


def packed(whole: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return repository → a line for each of its folders: the folder, then the names of its files, tabs between."""
    return {repository: "\n".join(_lines(repository, paths)) for repository, paths in whole.items()}


def _lines(repository: str, paths: Iterable[str]) -> Iterable[str]:
    below = sorted(path.removeprefix(f"{repository}/").rpartition("/")[::2] for path in paths)
    for folder, group in groupby(below, key=lambda one: one[0]):
        yield "\t".join([folder, *(name for _, name in group)])
