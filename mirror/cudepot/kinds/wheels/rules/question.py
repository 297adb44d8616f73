"""What is asked of the resolver, and what it answers, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.target import Target


@dataclass(frozen=True, slots=True)
class Preferred:
    """A version that is kept where it still fits.

    Attributes:
        project: normalised name.
        version: as it is locked.
        target: for which machines.
    """

    project: str
    version: str
    target: Target


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be resolved.

    Attributes:
        roots: requirements (PEP 508) that have to be met.
        constraints: requirements that bind what is needed and need nothing themselves.
        overrides: requirements that replace all others of their project.
        prereleases: whether every project may come as a pre-release; or the normalised names of those that may.
        targets: for which machines.
        preferred: what is kept where it still fits; to upgrade a project, leave it out.
        build: normalised names of projects whose sdists will be built where there is no wheel.
    """

    roots: tuple[str, ...]
    targets: tuple[Target, ...]
    constraints: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    prereleases: bool | frozenset[str] = False
    preferred: tuple[Preferred, ...] = ()
    build: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file that a target gets.

    Attributes:
        file: as the index page has it: a wheel; an sdist where the project is one of those to build.
        project: normalised name.
        version: as uv writes it.
        marker: for which patch levels of Python; empty for all that the target means.
        requires: what it needs there, sorted: ``name[extra]`` or ``name[extra]; marker``.
    """

    file: IndexFile
    project: str
    version: str
    marker: str
    requires: tuple[str, ...]
