"""Which indexes of a whole apt mirror name its packages."""

from __future__ import annotations

from cudepot.catalog.lock import FileRole, LockedFile, LockedUpstream
from cudepot.errors import ConfigError

FORMS = (".xz", ".zst", ".gz", ".bz2", "")
"""Endings of an index, the one first that is read where there are several."""
_LISTS = ("Packages", "Sources")


def main_indexes(upstream: LockedUpstream) -> list[LockedFile]:
    """Return the indexes to read packages from: the smallest form of each.

    Raises:
        ConfigError: there is none.
    """
    listed = [one for one in upstream.files if one.role == FileRole.INDEX]
    smallest: dict[str, tuple[int, LockedFile]] = {}
    for one in listed:
        plain = one.path.removesuffix(ending := _ending(one.path))
        if plain.rpartition("/")[2] in _LISTS and ending in FORMS:
            smallest[plain] = min(smallest.get(plain, (len(FORMS), one)), (FORMS.index(ending), one), key=_rank)
    if not any(is_packages(path) for path in smallest):
        raise ConfigError(f"cudepot.lock: upstream {upstream.name!r} has no package index", hint="run `cudepot lock`")
    return [one for _, one in smallest.values()]


def is_packages(path: str) -> bool:
    """Return whether a path is a Packages index, in whichever form; a Sources index is none."""
    return path.rpartition("/")[2].partition(".")[0] == "Packages"


def is_sources(path: str) -> bool:
    """Return whether a path is a Sources index, in whichever form."""
    return path.rpartition("/")[2].partition(".")[0] == "Sources"


def _ending(path: str) -> str:
    dot, ending = path.rpartition("/")[2].rpartition(".")[1:]
    return dot + ending if dot else ""


def _rank(ranked: tuple[int, LockedFile]) -> int:
    return ranked[0]
