"""Proves an environment: rattler, shown its finished channel alone, comes to the packages that are locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata

from cudepot.builders.channel_solution import Question, solutions
from cudepot.catalog.ecosystems import CONDA
from cudepot.catalog.lock import LockedEnvironment
from cudepot.catalog.locked_environments import render_environments
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, verdict
from cudepot.formats.conda_repodata import Record, records_of
from cudepot.kinds.conda.forms import form_faults
from cudepot.kinds.conda.rules.machines import virtual_packages
from cudepot.kinds.conda.rules.solution import index_of
from cudepot.kinds.conda.verify import faults
from cudepot.store.local import LocalStore

_METHOD = 3
"""Raised whenever the proof asks for more or less than it did."""
_INDEX = "/repodata.json"
_SHOWN = 5


def prove(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
    """Return a line for each target that a client of the environment's channel would not get as it is locked.

    What was proved of the same indexes and packages is remembered, and rattler not asked again.

    Raises:
        BuildError: the solver did not come to an end.
        FormatError: an index is damaged.
        StorageError: it is not in the store.
    """
    folder = index_of(environment.name)
    indexes = {path: one for path, one in tree.items() if path.startswith(folder)}
    names = {filename for _, filename in environment.places}
    packages = {path: one for path, one in tree.items() if _is_package(path, folder) and _in_subdir(path) in names}
    seen = sorted((path, one.sha256) for path, one in {**indexes, **packages}.items())
    grounds = [_METHOD, metadata.version("py-rattler"), render_environments([environment]), seen]

    def judged() -> Verdict:
        return Verdict(tuple(Unsolvable(folder, line, "") for line in _differences(store, environment, tree)))

    return tuple(one.package for one in verdict(store, folder.rstrip("/"), grounds, judged).unsolvable)


def _is_package(path: str, folder: str) -> bool:
    return path.startswith((f"{CONDA.room}/", folder)) and path.endswith((*CONDA.suffixes, *CONDA.inside))


def _in_subdir(path: str) -> str:
    """Return the subdir and the file name at the end of a path."""
    return "/".join(path.rsplit("/", 2)[-2:])


def _differences(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> Iterator[str]:
    folder = index_of(environment.name)
    found = {
        path.removeprefix(folder).removesuffix(_INDEX): records_of(store.read(digest), path)
        for path, digest in tree.items()
        if path.startswith(folder) and path.endswith(_INDEX)
    }
    if strange := [*_strange(environment, found, tree), *_not_there(store, folder, tree)]:
        yield from strange
        return
    questions = [
        Question(dict(one.fields)["platform"], (*environment.roots, *one.roots), virtual_packages(one))
        for one in environment.targets
    ]
    answers = solutions({"site": found}, questions) if environment.targets else []
    for target, answer in zip(environment.targets, answers, strict=True):
        locked = {one.filename for one in target.members}
        got = {f"{subdir}/{filename}" for _, subdir, filename in answer.found}
        if answer.refused or got != locked:
            yield f"{target.name}: {answer.refused or _difference(locked, got)}"


def _strange(environment: LockedEnvironment, found: Mapping[str, Mapping[str, Record]], tree: Tree) -> Iterator[str]:
    """Give a line for each member of which the index names other bytes than its upstream's folder has."""
    for upstream, path in environment.places:
        subdir, _, filename = path.partition("/")
        record, shown = found.get(subdir, {}).get(filename), tree.get(CONDA.folder(upstream) + path)
        if record and (shown is None or record.get("sha256") != shown.sha256):
            yield f"{path} is not the file from {upstream}"


def _not_there(store: LocalStore, folder: str, tree: Tree) -> Iterator[str]:
    """Give a line for each package that is not where the index says, and each form of an index that says otherwise."""
    for path in tree:
        if path.startswith(folder) and path.endswith(_INDEX):
            yield from faults(store, tree, path)
            yield from form_faults(store, tree, path)


def _difference(locked: set[str], got: set[str]) -> str:
    both = {"without": sorted(locked - got)[:_SHOWN], "with": sorted(got - locked)[:_SHOWN]}
    return "; ".join(f"{word} {', '.join(names)}" for word, names in both.items() if names)
