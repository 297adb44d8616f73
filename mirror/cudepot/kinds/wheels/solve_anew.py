"""What uv is asked for an environment, and its answer as it is locked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import NamedTuple

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget, Member
from cudepot.depot.environment_memory import remember
from cudepot.depot.request import read_wanted
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.wheels.environment import KIND, Wanted
from cudepot.kinds.wheels.index_reader import IndexReader
from cudepot.kinds.wheels.resolve import resolve
from cudepot.kinds.wheels.rules.fitting import fitting
from cudepot.kinds.wheels.rules.members import target_of
from cudepot.kinds.wheels.rules.other_cuda import other_cuda
from cudepot.kinds.wheels.rules.question import Preferred, Question
from cudepot.kinds.wheels.rules.requirement_files import asked_for
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.sdists import Builder, Made
from cudepot.kinds.wheels.shown_reader import EveryReader, ShownReader
from cudepot.kinds.wheels.solved_files import Answer, artifacts_of, built_of, check_insisted, is_sdist
from cudepot.temporary import temporary_folder

Upgrade = bool | frozenset[str]
"""Which projects are to move: none, some (normalised names), or all."""


def solve_anew(asking: Solving, wanted: Wanted, request: str, reader: IndexReader, upgrade: Upgrade) -> Solved:
    """Return what uv makes of an environment, and what was read for it is remembered.

    Args:
        asking: what is asked.
        wanted: what the environment says of wheels.
        request: hash of all that is asked.
        reader: reads the indexes.
        upgrade: what is to move.

    Raises:
        CudepotError: see :class:`~cudepot.kinds.ports.Solves`.
    """
    asked = _asked(asking, wanted)
    question = _question(asking, wanted, asked, upgrade)
    reader.only(fitting(question.targets).wants)
    builder = _builder(asking, reader) if question.build else None
    with temporary_folder() as scratch:
        answer = resolve(question, ShownReader(reader, builder.metadata if builder else None, question.build), scratch)
    artifacts, built = artifacts_of(asking.depot, asking.lock, reader, answer), built_of(builder, answer)
    members = _each([*artifacts.values(), *(wheel for wheel, *_ in built.values())])
    check_insisted(members, asked.hashes)
    targets = tuple(_target(target, answer, artifacts, built) for target in question.targets)
    environment = LockedEnvironment(asking.environment.name, KIND, request, question.roots, targets, question.overrides)
    reader.save()
    remember(asking.depot.store, environment, members, reader.asked)
    strange = other_cuda(environment.name, asking.environment.cuda, ((one.name, one.version) for one in members))
    builders = chain.from_iterable(others for _, *others in built.values())
    return Solved(environment, _each([*members, *builders]), (*asked.notes, *strange))


def _builder(asking: Solving, reader: IndexReader) -> Builder:
    """Return what builds sdists of an environment; what it asks of indexes is never built itself."""
    config = asking.depot.config
    return Builder(
        asking.depot,
        EveryReader(reader),
        lambda name: config.upstream(reader.upstream_of(name)),
        asking.lock,
        tuple(".".join(one.split(".")[:2]) for one in asking.environment.python),
    )


def _each(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Return artifacts, the first of each file: what builds another may be wanted for itself as well."""
    return tuple({(one.upstream, one.filename): one for one in reversed([*artifacts])}.values())[::-1]


def targets_of(environment: Environment) -> tuple[Target, ...]:
    """Return the machines of an environment."""
    return tuple(
        Target(platform, python, environment.glibc if platform.startswith("linux") else "")
        for platform in environment.platforms
        for python in environment.python
    )


class _AllAsked(NamedTuple):
    """What cudepot.toml and the files that it names ask for together.

    Attributes:
        requirements, constraints, overrides: as PEP 508 writes them.
        hashes: normalised project → sha256 of the files that it may come as.
        notes: what was not followed, a line each.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    overrides: tuple[str, ...]
    hashes: Mapping[str, frozenset[str]]
    notes: tuple[str, ...]


def _asked(asking: Solving, wanted: Wanted) -> _AllAsked:
    """Read all that is asked for; of several files that insist on bytes of one project, requirements come first."""
    read = partial(read_wanted, asking.depot.base)
    files = (wanted.requirements, wanted.constraint_files, wanted.override_files)
    named, bound, replacing = (asked_for(one, read) for one in files)
    return _AllAsked(
        (*wanted.wheels, *named.requirements),
        (*wanted.constraints, *named.constraints, *bound.requirements, *bound.constraints, *replacing.constraints),
        (*wanted.overrides, *replacing.requirements),
        {**bound.hashes, **replacing.hashes, **named.hashes},
        (*named.notes, *bound.notes, *replacing.notes),
    )


def _question(asking: Solving, wanted: Wanted, asked: _AllAsked, upgrade: Upgrade) -> Question:
    every, targets = wanted.prereleases, targets_of(asking.environment)
    return Question(
        roots=asked.requirements,
        targets=targets,
        constraints=asked.constraints,
        overrides=asked.overrides,
        prereleases=every if isinstance(every, bool) else frozenset(every),
        preferred=tuple(_preferred(asking, upgrade, targets)),
        build=frozenset(wanted.build),
    )


def _preferred(asking: Solving, upgrade: Upgrade, targets: Iterable[Target]) -> Iterator[Preferred]:
    """Give the versions that are locked and are to stay; a new target takes those of the one that is most like it."""
    if asking.before is None or upgrade is True:
        return
    before = {target_of(one): one for one in asking.before.targets}
    there = {(one.upstream, one.filename): one for one in asking.lock.artifacts}
    for target in targets if before else ():
        like = min(before, key=partial(_distance, target))
        for one in (there.get((member.upstream, member.filename)) for member in before[like].members):
            if one and not (upgrade and one.name in upgrade):
                yield Preferred(one.name, one.version, target)


def _distance(one: Target, other: Target) -> tuple[bool, bool, int, Target]:
    """Return how unlike two targets are: the platform counts before Python, as most markers go by it."""
    apart = one.platform != other.platform
    return one.name != other.name, apart, abs(one.minor[1] - other.minor[1]), other


def _target(
    target: Target, answer: Answer, artifacts: Mapping[str, Artifact], built: Mapping[tuple[Target, str], Made]
) -> LockedTarget:
    members = [
        (built[target, one.file.filename][0] if is_sdist(one) else artifacts[one.file.filename], one.marker)
        for one in answer[target]
    ]
    fields = {"platform": target.platform, "python": target.python, "glibc": target.glibc}
    return LockedTarget(
        target.name,
        tuple((name, value) for name, value in fields.items() if value),
        tuple(Member(one.upstream, one.filename, marker) for one, marker in members),
    )
