"""A repository that is mirrored whole: which files it consists of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cudepot.catalog.lock import LockedFile, LockedUpstream
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError

_FORMS = ("Packages.xz", "Packages.zst", "Packages.gz", "Packages.bz2", "Packages")


@dataclass(frozen=True, slots=True)
class Whole:
    """What a whole repository consists of.

    Attributes:
        packages: path below the upstream's URL → digest.
        files: roots, indexes and extras, likewise.
        notes: what is odd about the index, a line each.
    """

    packages: dict[str, Digest]
    files: dict[str, Digest]
    notes: tuple[str, ...] = ()

    @property
    def tree(self) -> dict[str, Digest]:
        """All of it: path → digest."""
        return self.packages | self.files


def main_index(upstream: LockedUpstream) -> LockedFile:
    """Return the index to read packages from: the smallest form of Packages; of a yum repository, the first index."""
    found = {one.path: one for one in upstream.files if one.role == "index"}
    if upstream.type == "yum" and found:
        return next(iter(found.values()))
    for form in _FORMS:
        if form in found:
            return found[form]
    raise ConfigError(f"cudepot.lock: upstream {upstream.name!r} has no index of packages", hint="run `cudepot lock`")


def site_folder(upstream: LockedUpstream) -> str:
    """Return where a site has an upstream: ``apt/NAME/`` or ``yum/NAME/``."""
    return f"{'yum' if upstream.type == 'yum' else 'apt'}/{upstream.name}/"


def whole(upstream: LockedUpstream, listed: Iterable[tuple[str, Digest | None]]) -> Whole:
    """Put a whole repository together. A package without digest cannot be had, and is noted.

    A stanza may be there twice. Of two with one path and other bytes the last counts: NVIDIA's index is
    append-only, so the last is the repost, and the only one the upstream can serve.

    Raises:
        FormatError: two files would have to lie at one place.
    """
    packages: dict[str, Digest] = {}
    notes: list[str] = []
    for path, digest in listed:
        if digest is None:
            notes.append(f"{upstream.name}: {path} is not mirrored: no sha256 tells what it is")
            continue
        before = packages.setdefault(path, digest)
        if before != digest:
            packages[path] = digest
            notes.append(
                f"{upstream.name}: {path} stands in the index with two hashes: {before.sha256}, and later "
                f"{digest.sha256}, which counts"
            )
    files = {one.path: one.digest for one in upstream.files}
    _check_places(upstream.name, packages, files)
    return Whole(packages, files, tuple(notes))


def _check_places(name: str, packages: dict[str, Digest], files: dict[str, Digest]) -> None:
    """Refuse a package in the place of another file: an extra may be a package, when it is the same."""
    for path, digest in files.items():
        if packages.get(path, digest) != digest:
            raise FormatError(
                f"{name}: {path} is a package of the index with sha256 {packages[path].sha256}, and was locked "
                f"beside it with {digest.sha256}",
                hint="an extra that the index names as well has to be the same file: run `cudepot lock` again",
            )
    every = packages.keys() | files.keys()
    for path in every:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in every:
                raise FormatError(f"{name}: {parent} is both a file and a folder", hint="do not use this index")
            parent = parent.rpartition("/")[0]
