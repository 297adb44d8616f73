"""Resolves an environment: uv decides versions by what cudepot has read, cudepot chooses the files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from cudepot.errors import PinError, TrustError
from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.require_alike import require_alike
from cudepot.kinds.wheels.rules.best_wheel import best_wheel
from cudepot.kinds.wheels.rules.lacking import Lack, lacking, refuse
from cudepot.kinds.wheels.rules.question import Chosen, Preferred, Question
from cudepot.kinds.wheels.rules.refusal import refusal
from cudepot.kinds.wheels.rules.served import Release, Served
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.rules.uv_lock import Package, parse_uv_lock
from cudepot.kinds.wheels.rules.uv_project import PROJECT, render_preferences, render_project
from cudepot.kinds.wheels.rules.walk import Walk
from cudepot.kinds.wheels.uv import BUILDING, MOST_SECONDS, NoSolutionError, run_lock
from cudepot.kinds.wheels.uv_index import Reader, UvIndex, serving

_Answer: TypeAlias = "dict[Target, tuple[Chosen, ...]]"


def resolve(question: Question, reader: Reader, scratch: Path) -> dict[Target, tuple[Chosen, ...]]:
    """Return the files that each target needs, by project and version.

    Args:
        question: what is asked.
        reader: reads the indexes; see :class:`.uv_index.Reader`.
        scratch: an empty folder, in which uv works.

    Raises:
        ConfigError: a requirement is none, or names a URL.
        PinError: there is no solution, or one that lacks wheels for some target: all such are named.
        TrustError: uv names what the indexes do not have.
        BuildError: uv cannot be run.
        CudepotError: what the reader raises.
    """
    found = _together(question, reader, scratch)
    return found if len(found) == 1 or require_alike(found, reader) else _apart(question, reader, scratch, found)


def _together(question: Question, reader: Reader, scratch: Path) -> _Answer:
    """Resolve for all targets at once: of each version uv reads one wheel, and takes it for all."""
    index = UvIndex(reader, question.targets)
    try:
        solution = _solution(question, index, scratch)
    except NoSolutionError as error:
        raise _named(str(error), question, index, scratch) from None
    if solution.lacks:
        raise refuse(solution.lacks, index.whole)
    return {target: tuple(_chosen(walk, solution.served, target)) for target, walk in solution.walks.items()}


def _apart(question: Question, reader: Reader, scratch: Path, together: _Answer) -> _Answer:
    """Resolve for each target alone, which shows uv that target's own wheels; what was found together is kept."""
    found: _Answer = {}
    for target, chosen in together.items():
        kept = tuple(Preferred(one.project, one.version, target) for one in chosen)
        folder = scratch / target.name
        folder.mkdir(exist_ok=True)
        found |= _together(replace(question, targets=(target,), preferred=kept), reader, folder)
    return found


class _Solution(NamedTuple):
    """What uv's lock comes to: the projects in it, what each target needs of them, and what lacks wheels."""

    served: Mapping[str, Served]
    walks: Mapping[Target, Walk]
    lacks: Sequence[Lack]


def _solution(question: Question, index: UvIndex, scratch: Path) -> _Solution:
    lock = parse_uv_lock(_locked(question, index, scratch))
    served = _checked(lock, index)
    walks = {target: Walk(lock, target) for target in question.targets}
    return _Solution(served, walks, lacking(walks, served, question.build))


def _named(said: str, question: Question, index: UvIndex, scratch: Path) -> PinError:
    """Return the error for what uv said: where only wheels are missing, one that names all that lack some."""
    index.lenient = True
    try:
        lacks = _solution(question, index, scratch).lacks
    except NoSolutionError as error:
        return refusal(str(error), question, index.upstream_of, index.unreadable)
    return refuse(lacks, index.whole) if lacks else refusal(said, question, index.upstream_of, index.unreadable)


def _locked(question: Question, index: UvIndex, scratch: Path) -> str:
    """Return the lock that uv writes; what went wrong in the reading is raised, not what uv made of it."""
    running = sys.version_info[:2]
    with serving(index) as url:
        (scratch / "pyproject.toml").write_text(render_project(question, running))
        (scratch / "uv.lock").unlink(missing_ok=True)
        if kept := render_preferences(question, url, running):
            (scratch / "uv.lock").write_text(kept)
        try:
            seconds = BUILDING if question.build else MOST_SECONDS
            return run_lock(scratch, url, question.prereleases, seconds=seconds)
        finally:
            if index.error:
                raise index.error


def _checked(lock: Mapping[str, Sequence[Package]], index: UvIndex) -> dict[str, Served]:
    """Return the projects of a lock as they were read; raise TrustError for what was not."""
    found: dict[str, Served] = {}
    for package in (one for several in lock.values() for one in several if one.name != PROJECT):
        served = index.project(package.name)
        if not served or package.version not in served.releases:
            raise TrustError(f"uv chose {package.name} {package.version}, which no index has")
        if strange := [one for one in package.files if not served.behind(one)]:
            raise TrustError(f"uv names {strange[0]} for {package.name}, which no index has")
        found[package.name] = served
    return found


def _chosen(walk: Walk, served: Mapping[str, Served], target: Target) -> Iterator[Chosen]:
    for _, need in sorted(walk.needs.items()):
        project, version = need.package.name, need.package.version
        file = _file(served[project].releases[version], target, need.levels)
        yield Chosen(file, project, str(version), walk.marker(need.levels), walk.requires(need))


def _file(release: Release, target: Target, levels: Set[int]) -> IndexFile:
    best = best_wheel(release, target, levels)
    return best.file if best else release.sdists[0]
