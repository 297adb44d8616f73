"""A repository that is mirrored whole: which files it consists of. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cudepot.catalog.lock import FileRole, LockedUpstream
from cudepot.digest import Digest, Promise, hash_of
from cudepot.errors import FormatError

_AWAY = re.compile(
    r".+\.(?:repo|list|sources)|(?:cuda-keyring_|(?!.*-local)(?:cuda|nvidia-machine-learning)-repo-).+\.(?:deb|rpm)"
)
"""Files that make their upstream's own host a source of the client: NVIDIA's, as it names them."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What a whole repository consists of.

    Attributes:
        packages: path below the upstream's URL → digest.
        files: roots, indexes and extras, likewise.
        notes: what is odd about the index, a line each.
        unknown: packages of which nothing but a sha512 is known, because they have not been fetched yet.
        learnt: whether the store alone knows the sha256 of some: the index tells a sha512 only.
        away: extras that a site does not show, because they would send its clients to the upstream's host.
    """

    packages: dict[str, Digest]
    files: dict[str, Digest]
    notes: tuple[str, ...] = ()
    unknown: Mapping[str, Promise] = field(default_factory=dict)
    learnt: bool = False
    away: frozenset[str] = frozenset()

    @property
    def tree(self) -> dict[str, Digest]:
        """All of it: path → digest."""
        return self.packages | self.files

    @property
    def shown(self) -> dict[str, Digest]:
        """What a site shows of it, likewise."""
        return {path: digest for path, digest in self.tree.items() if path not in self.away}


def leads_away(name: str) -> bool:
    """Return whether a file of that name sends clients from the site back to its upstream's host."""
    return bool(_AWAY.fullmatch(name))


def leading_away(upstream: LockedUpstream) -> list[str]:
    """Return the extras that a site does not show for that reason."""
    extras = [one.path for one in upstream.files if one.role == FileRole.EXTRA]
    return [path for path in extras if leads_away(path.rpartition("/")[2])]


def site_folder(upstream: LockedUpstream) -> str:
    """Return where a site has an upstream that is mirrored whole: ``apt/NAME/`` for one."""
    return upstream.row.folder(upstream.name)


def whole(
    upstream: LockedUpstream,
    listed: Iterable[tuple[str, Digest | Promise | None]],
    known: Callable[[Promise], Digest | None] = lambda _: None,
) -> Whole:
    """Put a whole repository together. A package without digest is not available, and is noted.

    A stanza may be there twice. Of two with one path and other bytes the last counts: NVIDIA's index is
    append-only, so the last is the repost, and the only one the upstream can serve.

    Raises:
        FormatError: two files would have to be at one place.
    """
    every: dict[str, Digest | Promise] = {}
    notes: list[str] = []
    for path, promised in listed:
        if promised is None:
            notes.append(f"{upstream.name}: {path} is not mirrored: it has no sha256")
            continue
        before = every.setdefault(path, promised)
        if before != promised:
            every[path] = promised
            notes.append(
                f"{upstream.name}: {path} has two hashes in the index: {hash_of(before)}, and later "
                f"{hash_of(promised)}, which is used"
            )
    found = {path: one if isinstance(one, Digest) else known(one) for path, one in every.items()}
    packages = {path: one for path, one in found.items() if one is not None}
    unknown = {path: one for path, one in every.items() if isinstance(one, Promise) and found[path] is None}
    files = {one.path: one.digest for one in upstream.files}
    _check_places(upstream.name, packages, files, unknown)
    learnt = any(isinstance(one, Promise) for one in every.values())
    away = frozenset(leading_away(upstream)) - packages.keys()
    return Whole(packages, files, tuple(notes), unknown, learnt, away)


def _check_places(
    name: str, packages: dict[str, Digest], files: dict[str, Digest], unknown: Mapping[str, Promise]
) -> None:
    """Refuse a package in the place of another file: an extra may be a package, when it is the same."""
    for path, digest in files.items():
        if packages.get(path, digest) != digest:
            raise FormatError(
                f"{name}: {path} is a package of the index with sha256 {packages[path].sha256}, but was locked "
                f"as an extra file with {digest.sha256}",
                hint="an extra that is also in the index must be the same file: run `cudepot lock` again",
            )
    for path in unknown.keys() & files.keys():
        raise FormatError(f"{name}: {path} is both a package and an extra file", hint="do not use this index")
    every = packages.keys() | files.keys() | unknown.keys()
    for path in every:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in every:
                raise FormatError(f"{name}: {parent} is both a file and a folder", hint="do not use this index")
            parent = parent.rpartition("/")[0]
