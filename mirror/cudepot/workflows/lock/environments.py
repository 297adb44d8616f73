"""The environments of a lock: each resolved on its own, and its files put among those that pins ask for.

One that cannot be resolved stops neither the others nor the pins: what was locked of it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.environments import Environment
from cudepot.catalog.drift import same_bytes_or_accepted
from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment, LockedUpstream
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.depot.locked import document, environment_fault_name
from cudepot.depot.rounds import failures, resolve_all
from cudepot.errors import ConfigError, CudepotError
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.registry import solving
from cudepot.kinds.shared import Shared
from cudepot.workflows.lock.environment_files import Files, check_size, sizes
from cudepot.workflows.lock.noted_upstreams import kept_upstreams
from cudepot.workflows.lock.noted_upstreams import noted as noted_upstreams
from cudepot.workflows.lock.settled import Settled

Upgrade = bool | frozenset[str]
"""Whether newer versions are taken: of all projects, of some, or of none."""


class Asked(NamedTuple):
    """What locking was asked for, as far as environments go.

    Attributes:
        upgrade: whether newer versions are taken.
        accepted: names of packages whose bytes may differ from those locked.
        wait: seconds to go on trying where a fault may pass.
        rollback: whether an index older than one seen before is accepted.
        stale: upstreams whose pins could not be locked now, so that what is noted of them is of before.
    """

    upgrade: Upgrade = False
    accepted: Sequence[str] = ()
    wait: float = 0.0
    rollback: bool = False
    stale: Sequence[str] = ()


class _Part(NamedTuple):
    """An environment as what is resolved alone; see :class:`~cudepot.depot.rounds.Part`."""

    environment: Environment

    @property
    def name(self) -> str:
        """What its faults are remembered and told under."""
        return environment_fault_name(self.environment.name)

    @property
    def place(self) -> str:
        """Nowhere: it is of several upstreams."""
        return ""


class _Run(NamedTuple):
    """What an environment is resolved with; ``noted`` has the upstreams that were read in this run."""

    depot: Depot
    old: Lock
    pins: Lock
    noted: Mapping[str, LockedUpstream]
    asked: Asked
    shared: Shared


def with_environments(depot: Depot, old: Lock, pins: Lock, asked: Asked) -> Settled:
    """Resolve every environment, and return the lock that has them.

    Args:
        depot: the depot.
        old: the lock there is.
        pins: the new lock as far as pins go.
        asked: how to go about it.

    Raises:
        ConfigError: a project to be upgraded is in no environment.
    """
    _check_upgrade(asked.upgrade, depot.config, old)
    parts = [_Part(one) for one in depot.config.environments]
    noted = {one.name: one for one in pins.upstreams if one.roots and one.name not in asked.stale}

    def resolve(attempt: Depot, part: _Part) -> list[Solved]:
        run = _Run(attempt, old, pins, noted, asked, shared)
        found = [_solved(run, part.environment, kind) for kind, _ in part.environment.wants]
        for upstream in (one for each in found for one in each.upstreams):
            noted.setdefault(upstream.name, upstream)
        return found

    with Shared() as shared:
        found, errors = resolve_all(depot, parts, resolve, asked.wait)
    done = {one.environment.name: found[one.name] for one in parts if one.name in found}
    lock, written, odd = _written(depot, old, pins, done)
    errors |= {one.name: odd[one.environment.name] for one in parts if one.environment.name in odd}
    done = {name: one for name, one in done.items() if name not in odd}
    failed = tuple(failures(depot.store, depot.clock, parts, errors, first=False))
    notes = dict.fromkeys(note for each in done.values() for one in each for note in (*one.notes, *_withdrawn(one)))
    return Settled(lock, failed, tuple(notes), sizes(old, lock, depot.store.has), written)


def _withdrawn(solved: Solved) -> Iterator[str]:
    """Give a line for each file that its upstream withdrew."""
    for one in solved.artifacts:
        if one.yanked is not None:
            yield f"{one.filename}: withdrawn by its upstream (yanked): {one.yanked or 'no reason given'}"


def _check_upgrade(upgrade: Upgrade, config: Config, old: Lock) -> None:
    """Raise ConfigError for a project that no environment has: its name is misspelt, most likely."""
    if isinstance(upgrade, bool):
        return
    names = {one.name for locked in old.environments for one in old.files_of(locked) or ()}
    kinds = solving().values()
    if missing := sorted(text for text in upgrade if names.isdisjoint(kind.name_of(text) for kind in kinds)):
        known = ", ".join(sorted(names)[:20]) if config.environments else "none: cudepot.toml has no [[environment]]"
        raise ConfigError(f"no environment has {missing[0]!r} to upgrade", hint=f"there are {known}")


def _solved(run: _Run, environment: Environment, kind: str) -> Solved:
    """Return what an environment means of one kind of packages, once it has stood all tests."""
    depot, old, pins, noted, asked, _ = run
    wants = dict(environment.wants)[kind]
    before = old.environment(environment.name, kind)
    asking = Solving(depot, environment, wants, before, old, run.shared, asked.upgrade, noted, asked.rollback)
    found = solving()[kind].solve(asking)
    artifacts = tuple(_unchanged(depot.config, old, found.artifacts, asked.accepted))
    check_size(environment, artifacts)
    found = found._replace(artifacts=artifacts)
    Files(pins.artifacts).add(artifacts)
    return found


def _unchanged(config: Config, old: Lock, artifacts: Sequence[Artifact], accepted: Sequence[str]) -> Iterable[Artifact]:
    """Give the artifacts, none of which has other bytes than are locked; raise ChangedError where that is so."""
    for name in dict.fromkeys(one.upstream for one in artifacts):
        mine = [one for one in artifacts if one.upstream == name]
        yield from same_bytes_or_accepted(old.of(name), mine, accepted, config.upstream(name).url)


def _written(
    depot: Depot, old: Lock, pins: Lock, done: Mapping[str, Sequence[Solved]]
) -> tuple[Lock, bytes, dict[str, CudepotError]]:
    """Return the lock, as it is written too, without the environments that could not be read again, and why each."""
    lock = _joined(depot, old, pins, done)
    if lock == old:
        return lock, b"", {}
    found: list[Trouble] = []
    with depot.isolation.each("cudepot.lock", found.append):
        return lock, document(lock), {}
    found.clear()
    for name, solved in done.items():
        with depot.isolation.each(name, found.append):
            document(_joined(depot, Lock(), pins, {name: solved}))
    odd = dict(found)
    lock = _joined(depot, old, pins, {name: solved for name, solved in done.items() if name not in odd})
    return lock, document(lock), odd


def _joined(depot: Depot, old: Lock, pins: Lock, done: Mapping[str, Sequence[Solved]]) -> Lock:
    """Return the lock of pins and environments; what was locked of an environment that is not done stays."""
    config = depot.config
    files = Files(pins.artifacts)
    environments: list[LockedEnvironment] = []
    stay: list[LockedEnvironment] = []
    for one in config.environments:
        if one.name in done:
            for solved in done[one.name]:
                files.add(solved.artifacts)
                environments.append(solved.environment)
            continue
        for kept in (each for each in old.environments if each.name == one.name):
            if (still := _still_there(config, old, kept)) is not None:
                files.add(still)
                environments.append(kept)
                stay.append(kept)
    artifacts = files.artifacts
    noted = [one for each in done.values() for of_kind in each for one in of_kind.upstreams]
    noted += kept_upstreams(depot.store, old, stay)
    upstreams = tuple(noted_upstreams(config, pins, noted, {one.upstream for one in artifacts}))
    ordered = tuple(artifact for one in upstreams for artifact in artifacts if artifact.upstream == one.name)
    return replace(pins, upstreams=upstreams, artifacts=ordered, environments=tuple(environments))


def _still_there(config: Config, old: Lock, kept: LockedEnvironment) -> tuple[Artifact, ...] | None:
    """Return the files of an environment as they are locked; None where one is not, or its upstream is gone."""
    there = {one.name for one in config.upstreams}
    members = old.files_of(kept)
    builders = old.builders_of(members or ())
    if members is None or builders is None or any(one.upstream not in there for one in (*members, *builders)):
        return None
    return *members, *builders
