"""What differs between two snapshots, by ecosystem: which packages came, went and changed, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from cudepot.catalog.ecosystems import row_of
from cudepot.catalog.lock import ENVIRONMENT, Lock
from cudepot.catalog.nvidia.site_paths import below
from cudepot.catalog.site.clients import FOLDER
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import Digest

MADE = "made by the site"
"""Why there is a package of NVIDIA's name that is not NVIDIA's."""


@dataclass(frozen=True, slots=True)
class Change:
    """One package that is not the same in two snapshots.

    Attributes:
        ecosystem: name of a row of ``catalog/ecosystems.py``.
        place: folder on the site, e.g. ``apt/ubuntu2004/x86_64``.
        name: of the package; the file's name where that does not say it.
        before, after: versions; empty for a package that came or went.
        old, new: the bytes; None likewise.
        why: ``pin``, ``environment``, ``closure: needed by NAME``, ``upstream``, ``built: JOB`` or ``MADE``.
    """

    ecosystem: str
    place: str
    name: str
    before: str
    after: str
    old: Digest | None
    new: Digest | None
    why: str

    @property
    def kind(self) -> str:
        """``came``, ``went`` or ``changed``."""
        return "came" if self.old is None else "went" if self.new is None else "changed"


def ecosystem(path: str) -> str:
    """Return which ecosystem the package at a site path belongs to; empty for what is no package."""
    row = row_of(path)
    return row.name if row else ""


def _packages(some: Tree, tree: Tree) -> dict[str, Digest]:
    """Return the packages of some of the files of a tree; what NVIDIA's paths show again is told once."""
    found = {path: digest for path, digest in some.items() if ecosystem(path)}
    again = {path for path in found if below(path)}
    there = {digest for path, digest in tree.items() if not below(path) and ecosystem(path)} if again else set()
    return {path: one for path, one in found.items() if path not in again or one not in there}


def count_packages(tree: Tree) -> dict[str, int]:
    """Return how many packages of each ecosystem a tree holds."""
    found = [ecosystem(path) for path in _packages(tree, tree)]
    return {name: found.count(name) for name in sorted(set(found))}


_Identity = tuple[str, str, str, str]
_Version = tuple[str, Digest]


def diff_trees(before: Tree, after: Tree, why: Callable[[Digest], str]) -> Iterator[Change]:
    """Give the packages that differ, ordered by ecosystem, place and name.

    Several versions of one package are side by side in a repository: those that went are paired with those that
    came, in the order of their names, and the rest came or went alone.

    Args:
        before: the older tree.
        after: the newer tree.
        why: tells the reason for a package that came or went, by its digest.
    """
    old, new = _gone(before, after), _gone(after, before)
    for identity in sorted(old.keys() | new.keys()):
        kind, place, name, _ = identity
        for went, came in zip_longest(old.get(identity, ()), new.get(identity, ())):
            told = MADE if below(f"{place}/") or place.startswith(FOLDER) else why((came or went)[1])
            yield Change(
                kind,
                place,
                name,
                went[0] if went else "",
                came[0] if came else "",
                went[1] if went else None,
                came[1] if came else None,
                told,
            )


def _gone(tree: Tree, other: Tree) -> dict[_Identity, list[_Version]]:
    """Return the packages of ``tree`` that ``other`` lacks, or has with other bytes."""
    found: dict[_Identity, list[_Version]] = {}
    for path in sorted(_packages({path: one for path, one in tree.items() if other.get(path) != one}, tree)):
        identity, version = _identity(path)
        found.setdefault(identity, []).append((version, tree[path]))
    return found


def _identity(path: str) -> tuple[_Identity, str]:
    """Return what stays the same over the versions of a package, and the version."""
    row, (place, _, file) = row_of(path), path.rpartition("/")
    found = next(filter(None, (re.fullmatch(one, file) for one in row.file_names)), None) if row else None
    if found is None:
        return (ecosystem(path), place, file, ""), ""
    parts = found.groupdict()
    return (ecosystem(path), place, parts["name"], parts.get("arch", "")), parts["version"]


def reasons(before: Lock, after: Lock, built: Mapping[str, str]) -> Callable[[Digest], str]:
    """Return what tells why a package is in one of two snapshots and not in the other.

    Args:
        before: the lock of the older one.
        after: the lock of the newer one.
        built: sha256 of packages built here → the job that made them.
    """
    asked = {one.name: one.request for one in before.upstreams}
    changed = {one.name for one in after.upstreams if asked.pop(one.name, "") != one.request} | asked.keys()
    locked = {one.digest: one for lock in (before, after) for one in lock.artifacts}

    def why(digest: Digest) -> str:
        artifact = locked.get(digest)
        if artifact is None:
            return f"built: {built[digest.sha256]}" if digest.sha256 in built else "upstream"
        if artifact.why == ENVIRONMENT:
            return ENVIRONMENT
        if artifact.why != "pin":
            return f"closure: {artifact.why}"
        return "pin" if artifact.upstream in changed else "upstream"

    return why
