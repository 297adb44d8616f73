"""Proves an environment: uv, shown its finished index alone, comes to the files that are locked for each target."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.catalog.locked_environments import render_environments
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, verdict
from cudepot.errors import PinError
from cudepot.formats.simple import JSON_TYPE, IndexFile, parse_page
from cudepot.kinds.wheels.rules.members import index_of, target_of
from cudepot.kinds.wheels.rules.unmet import unmet
from cudepot.store.local import LocalStore
from cudepot.temporary import temporary_folder

if TYPE_CHECKING:
    from cudepot.kinds.wheels.rules.question import Preferred
    from cudepot.kinds.wheels.rules.target import Target

_METHOD = 1
"""Raised whenever the proof asks for more or less than it did."""
_SHOWN = 5
_Member = tuple[str, str]  # file name and marker


def prove(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
    """Return a line for each target that a client of the environment's index would not get as it is locked.

    What was proved of the same pages is remembered, and uv not asked again.

    Args:
        store: has what the tree shows.
        environment: as it is locked.
        tree: the finished tree.

    Raises:
        ConfigError: the lock has machines for which no wheels are known, or uv is not there.
        StorageError: the store lacks a page.
    """
    folder = index_of(environment.name)
    pages = {path: one for path, one in tree.items() if path.startswith(folder)}
    names = {member.filename for target in environment.targets for member in target.members}
    beside = (f"wheels/{name}{end}" for name in names for end in ("", ".metadata"))
    seen = {**pages, **{path: tree[path] for path in beside if path in tree}}
    grounds = [_METHOD, _resolver(), render_environments([environment])]
    grounds += [sorted((path, one.sha256) for path, one in seen.items())]

    def judged() -> Verdict:
        return Verdict(tuple(Unsolvable(folder, line, "") for line in _differences(store, environment, tree)))

    return tuple(one.package for one in verdict(store, folder.rstrip("/"), grounds, judged).unsolvable)


def _resolver() -> list[str]:
    """Return the versions of all that resolves; empty where one is not installed, which whoever runs it tells.

    uv chooses versions for the running Python and later ones, ``packaging`` the best wheel of each.
    """
    found = [f"{sys.version_info.major}.{sys.version_info.minor}"]
    for name in ("uv", "packaging"):
        try:
            found.append(metadata.version(name))
        except metadata.PackageNotFoundError:
            found.append("")
    return found


class SiteReader:
    """Reads the index of an environment in a tree as a client would, and no other.

    Args:
        store: has the pages.
        folder: of the index on the site.
        tree: path → content.
    """

    def __init__(self, store: LocalStore, folder: str, tree: Tree) -> None:
        self._store, self._folder, self._tree = store, folder, tree

    def files(self, project: str) -> Sequence[IndexFile] | None:
        """Return the files on the page of a project; None where there is no page.

        Raises:
            PinError: the site has another file there than the page promises.
        """
        path = f"{self._folder}{project}/index.json"
        if path not in self._tree:
            return None
        found = parse_page(self._store.read(self._tree[path]), JSON_TYPE, f"https://site.invalid/{path}")
        for one in found:
            there = [self._tree.get(f"wheels/{one.filename}{end}") for end in ("", ".metadata")]
            if [digest.sha256 if digest else "" for digest in there] != [one.sha256, one.core_metadata]:
                raise PinError(f"{one.filename} is not on the site as {project}'s page describes it")
        return found

    every = files

    def upstream_of(self, project: str) -> str:  # noqa: ARG002
        """Return the folder of the index, which has all there is."""
        return self._folder

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA beside a wheel of a page."""
        return self._store.read(self._tree[f"wheels/{file.filename}.metadata"])


def _differences(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> Iterator[str]:
    try:
        found = _resolved(store, environment, tree)
    except PinError as error:
        yield " ".join(str(error).split())
        return
    for locked in environment.targets:
        wanted = {(one.filename, one.marker) for one in locked.members}
        got = set(found[target_of(locked)])
        if wanted != got:
            yield f"{locked.name}: {_clause('lacks', wanted - got)}{_clause('also has', got - wanted)}".rstrip("; ")
        else:
            yield from unmet(locked, _metadata(store, locked, tree), _names(environment.overrides))


def _metadata(store: LocalStore, locked: LockedTarget, tree: Tree) -> dict[str, bytes]:
    return {one.filename: store.read(tree[f"wheels/{one.filename}.metadata"]) for one in locked.members}


def _names(requirements: Iterable[str]) -> set[str]:
    return {str(canonicalize_name(Requirement(one).name)) for one in requirements}


def _clause(verb: str, files: Iterable[_Member]) -> str:
    names = ["; ".join(filter(None, one)) for one in sorted(files)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{verb} {', '.join(names[:_SHOWN])}{more}; " if names else ""


def _resolved(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> Mapping[Target, Sequence[_Member]]:
    from cudepot.kinds.wheels.resolve import resolve  # noqa: PLC0415 - what is remembered is not asked again
    from cudepot.kinds.wheels.rules.question import Question  # noqa: PLC0415

    targets = tuple(map(target_of, environment.targets))
    question = Question(
        environment.roots,
        targets,
        overrides=environment.overrides,
        prereleases=True,
        preferred=tuple(_preferred(environment.targets)),
    )
    reader = SiteReader(store, index_of(environment.name), tree)
    with temporary_folder() as scratch:
        found = resolve(question, reader, scratch)
    return {target: [(one.file.filename, one.marker) for one in chosen] for target, chosen in found.items()}


def _preferred(targets: Iterable[LockedTarget]) -> Iterator[Preferred]:
    """Give the locked versions: where requirements leave several to choose from, those are to be chosen again."""
    from cudepot.kinds.wheels.rules.question import Preferred  # noqa: PLC0415

    for target in targets:
        for member in target.members:
            project, found, _, _ = parse_wheel_filename(member.filename)
            yield Preferred(str(project), str(found), target_of(target))
