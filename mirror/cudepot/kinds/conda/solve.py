"""Resolves the conda packages of an environment: channels read and checked here, versions chosen by rattler."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cudepot.builders.channel_solution import ChannelSolver, Place, Question, Solution
from cudepot.catalog.faults import GONE, Fault, GoneError
from cudepot.catalog.lock import ENVIRONMENT, Artifact, LockedEnvironment, LockedTarget, Member, Root
from cudepot.depot.environment_memory import Read, remember, remembered
from cudepot.depot.request import environment_request
from cudepot.depot.root_memory import RootMemory
from cudepot.errors import ConfigError, CudepotError, PinError
from cudepot.formats.conda_record import Package
from cudepot.kinds.conda.asked import Asked, asked_for, check_locked, narrowed
from cudepot.kinds.conda.channel_reader import NOARCH, ChannelReader
from cudepot.kinds.conda.environment import KIND, PRIORITIES, Wanted
from cudepot.kinds.conda.keep import older
from cudepot.kinds.conda.lock import artifact_of, note_of, run_exports_of
from cudepot.kinds.conda.rules.machines import described, targets_of, virtual_packages
from cudepot.kinds.conda.rules.relations import relation_notes
from cudepot.kinds.conda.walk import Channels, reached
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.unsigned_index import check_transport

_NAMED = 5  # files in one message
_ROOTS = 20  # likewise of what is asked for


@dataclass(slots=True)
class _Reading:
    """What the environments of one attempt read of channels, and the solver that they ask."""

    solver: ChannelSolver = field(default_factory=ChannelSolver)
    readers: dict[str, ChannelReader] = field(default_factory=dict)
    walked: dict[tuple[object, ...], Channels] = field(default_factory=dict)
    artifacts: dict[tuple[str, str, str], tuple[Package, Artifact]] = field(default_factory=dict)

    def reached(self, readers: Sequence[ChannelReader], names: Iterable[str]) -> Channels:
        """Return what these channels have of all that these names need; they are walked through once."""
        roots = tuple((one.upstream.name, *sorted(root.path for root in one.roots.values())) for one in readers)
        key = (roots, frozenset(names))
        if key not in self.walked:
            self.walked[key] = reached(readers, key[1])
        return self.walked[key]

    def store_fresh(self) -> None:
        """Put into the store what was read, while the solver is at it."""
        for one in self.readers.values():
            one.store_fresh()

    def close(self) -> None:
        """End the solver."""
        self.solver.close()


def solve(asking: Solving) -> Solved:
    """Return what the conda packages of an environment are now; see :class:`~cudepot.kinds.ports.Solves`."""
    key = (KIND, id(asking.depot))
    try:
        return _solve(asking, asking.shared.thing(key, _Reading))
    except PinError:
        raise
    except BaseException:
        asking.shared.forget(key)  # another attempt reads anew
        raise


def _solve(asking: Solving, reading: _Reading) -> Solved:
    wanted, depot, before = asking.wanted, asking.depot, asking.before
    assert isinstance(wanted, Wanted)
    request = environment_request(depot.base, depot.config.upstreams, asking.environment, wanted)
    locked = (asking.lock.files_of(before) if before else None) or ()
    known = remembered(depot.store, before, locked) if before else None
    asked = asked_for(asking)
    readers = list(_readers(asking, reading, asked, known or {}))
    read = {(one.upstream.name, root.path): root.digest for one in readers for root in one.roots.values()}
    if before and before.request == request and known == read and not asking.upgrade:
        _save(readers)
        return Solved(before, locked)
    reading.solver.start()  # it loads while channels are read
    channels = _reached(asking, reading, readers, asked)
    if before and before.request == request:
        _check_offered(asking, channels, locked)
    channels = narrowed(channels, asked)
    targets, found = _targets(asking, reading, asked, channels, locked, stays=before and before.request == request)
    artifacts = _artifacts(asking, reading, readers, channels, found)
    check_locked(asked, artifacts)
    environment = LockedEnvironment(
        asking.environment.name,
        KIND,
        request,
        asked.roots,
        tuple(_filled(target, one, artifacts) for target, one in zip(targets, found, strict=True)),
    )
    for one in readers:
        one.forget()
    _save(readers)
    every = tuple(artifacts.values())
    remember(depot.store, environment, every, read)
    odd = [
        f"{name}: left out: {line}" for name, there in channels.items() for one in there.values() for line in one.odd
    ]
    newer = [note] if (note := note_of(every)) else []
    related = [
        line for one in asked.channels for line in relation_notes(one, channels.get(one.name, {}), asked.channels)
    ]
    return Solved(environment, every, notes=(*asked.notes, *related, *odd, *newer))


def _targets(
    asking: Solving,
    reading: _Reading,
    asked: Asked,
    channels: Channels,
    locked: Sequence[Artifact],
    *,
    stays: bool | None,
) -> tuple[list[LockedTarget], list[Solution]]:
    """Return all targets with their solutions: of older versions that are kept too, those locked where all ``stays``.

    Older versions are looked for with nothing locked: a channel that has packages of several solutions has to lead
    to each of them.
    """
    wanted, before = asking.wanted, asking.before
    assert isinstance(wanted, Wanted)
    keep = wanted.keep
    if before and keep > 1 and stays and not asking.upgrade:
        targets = [one._replace(members=()) for one in before.targets]
        return targets, _solved(asking, reading, asked, channels, targets, locked)
    targets = [asked.filled(one) for one in targets_of(asking.environment, wanted.profiles)]
    found = _solved(asking, reading, asked, channels, targets, locked if keep == 1 else ())
    if keep == 1:
        return targets, found

    def ask(some: Sequence[LockedTarget]) -> list[Solution]:
        return reading.solver.solutions(_records(channels), [_question(asking, asked, one) for one in some])

    more = list(older(keep, targets, found, asked.names(), ask))
    return targets + [one for one, _ in more], found + [one for _, one in more]


def _records(channels: Channels) -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]:
    return {
        name: {subdir: {one.filename: one.record for one in found.packages} for subdir, found in there.items()}
        for name, there in channels.items()
    }


def _question(asking: Solving, asked: Asked, target: LockedTarget, locked: Sequence[Place] = ()) -> Question:
    assert isinstance(asking.wanted, Wanted)
    specs, priority = (*asked.roots, *target.roots), asking.wanted.channel_priority
    return Question(dict(target.fields)["platform"], specs, virtual_packages(target), locked, priority)


def _check_offered(asking: Solving, channels: Channels, locked: Sequence[Artifact]) -> None:
    """Raise GoneError where a channel has no more what is locked and is not to move."""
    there = {
        (name, f"{subdir}/{one.filename}")
        for name, subdirs in channels.items()
        for subdir, found in subdirs.items()
        for one in found.packages
    }
    gone = [one for one in locked if (one.upstream, one.filename) not in there and _stays(one.name, asking.upgrade)]
    if gone:
        first, names = gone[0], ", ".join(one.filename for one in gone[:_NAMED])
        upgrades = " ".join(f"--upgrade {one}" for one in dict.fromkeys(one.name for one in gone[:_NAMED]))
        raise GoneError(
            f"{first.upstream} no longer offers what is locked: {names}{' and others' * (len(gone) > _NAMED)}",
            hint=f"the locked files are kept, and the site has them; `cudepot lock {upgrades}` chooses other builds",
            fault=Fault(GONE, f"{first.upstream}/{first.filename}", {"files": len(gone)}),
        )


def _reached(asking: Solving, reading: _Reading, readers: Sequence[ChannelReader], asked: Asked) -> Channels:
    """Return what channels have of all that may be needed; one walk serves all environments, where it comes to an end.

    Raises:
        FormatError, TrustError, UpstreamError: as :func:`~cudepot.kinds.conda.walk.reached`, of what this one needs.
    """
    names = set(asked.names())
    try:
        return reading.reached(readers, names | set(_others_names(asking, asked)))
    except CudepotError:
        return reading.reached(readers, names)


def _others_names(asking: Solving, asked: Asked) -> Iterator[str]:
    """Give the names that other environments of the same channels ask for in cudepot.toml; their faults are theirs."""
    for environment in asking.depot.config.environments:
        wanted = dict(environment.wants).get(KIND)
        with contextlib.suppress(ConfigError):
            if isinstance(wanted, Wanted) and wanted.owners(asking.depot.config.upstreams) == asked.channels:
                yield from Asked(wanted.conda, {}, asked.channels).names()


def _readers(asking: Solving, reading: _Reading, asked: Asked, known: Read) -> Iterator[ChannelReader]:
    """Give a reader for each channel, its indexes found; in the form that was read before."""
    depot = asking.depot
    for upstream in asked.channels:
        check_transport(upstream)
        before = tuple(Root(path, digest) for (name, path), digest in known.items() if name == upstream.name)
        if upstream.name not in reading.readers:
            memory, source = RootMemory.load(depot.store, upstream), depot.source(upstream)
            reading.readers[upstream.name] = ChannelReader(upstream, source, memory, (), asking.rollback)
        reader = reading.readers[upstream.name].again(before)
        reader.find([*asking.environment.platforms, NOARCH])
        yield reader


def _save(readers: Sequence[ChannelReader]) -> None:
    for one in readers:
        one.save()


def _solved(
    asking: Solving,
    reading: _Reading,
    asked: Asked,
    channels: Channels,
    targets: Sequence[LockedTarget],
    locked: Sequence[Artifact],
) -> list[Solution]:
    """Return the solution for each target.

    Raises:
        PinError: there is none for some; all are named.
    """
    questions = [_question(asking, asked, one, list(_kept(asking, channels, one, locked))) for one in targets]
    found = reading.solver.solutions(_records(channels), questions, reading.store_fresh)
    refused = [f"{target.name}: {one.refused}" for target, one in zip(targets, found, strict=True) if one.refused]
    if refused:
        machines = "; ".join(f"{target.name} is {described(target)}" for target in targets)
        raise PinError(
            f"no environment has all of {_named(asked, targets)}: {'; '.join(refused)}",
            hint=f"channels: {', '.join(channels)}; {machines}",
        )
    return found


def _kept(
    asking: Solving, channels: Channels, target: LockedTarget, locked: Sequence[Artifact]
) -> Iterator[tuple[str, str, str]]:
    """Give the packages that are to stay: rattler would keep them even where another channel has their name now."""
    assert isinstance(asking.wanted, Wanted)
    targets = asking.before.targets if asking.before and asking.upgrade is not True else ()
    members = [one for each in targets if each.name == target.name for one in each.members]
    if not members:
        return
    is_strict = asking.wanted.channel_priority == PRIORITIES[0]
    subdirs = (dict(target.fields)["platform"], NOARCH)
    owners: dict[str, str] = {}
    for channel, there in channels.items():
        for one in (one for subdir in subdirs if subdir in there for one in there[subdir].packages):
            owners.setdefault(one.name, channel)
    names = {(one.upstream, one.filename): one.name for one in locked}
    for member in members:
        name = names.get((member.upstream, member.filename))
        if name and (not is_strict or owners.get(name) == member.upstream) and _stays(name, asking.upgrade):
            subdir, _, filename = member.filename.partition("/")
            yield member.upstream, subdir, filename


def _named(asked: Asked, targets: Sequence[LockedTarget]) -> str:
    every = list(dict.fromkeys([*asked.roots, *(one for target in targets for one in target.roots)]))
    return ", ".join(every[:_ROOTS]) + f" and {len(every) - _ROOTS} more" * (len(every) > _ROOTS)


def _stays(name: str, upgrade: bool | frozenset[str]) -> bool:
    return not (upgrade if isinstance(upgrade, bool) else name in upgrade)


def _artifacts(
    asking: Solving,
    reading: _Reading,
    readers: Sequence[ChannelReader],
    channels: Channels,
    found: Sequence[Solution],
) -> dict[tuple[str, str, str], Artifact]:
    """Return the packages of all solutions, by channel, subdir and file name."""
    made: dict[tuple[str, str, str], Artifact] = {}
    for reader in readers:
        name = reader.upstream.name
        places = sorted({place for one in found for place in one.found if place[0] == name})
        every = {(subdir, one.filename): one for subdir, there in channels[name].items() for one in there.packages}
        mine = {place[1:]: every[place[1:]] for place in places}
        known = {where: reading.artifacts.get((name, *where)) for where in mine}
        new = {where: one for where, one in mine.items() if (seen := known[where]) is None or seen[0] is not one}
        exports = run_exports_of(reader, new, channels[name])
        for where, package in new.items():
            one = artifact_of(asking.depot, reader, channels[name][where[0]], package, exports.get(where))
            reading.artifacts[name, *where] = package, replace(one, why=ENVIRONMENT)
        made |= {(name, *where): reading.artifacts[name, *where][1] for where in mine}
    return made


def _filled(
    target: LockedTarget, solution: Solution, artifacts: Mapping[tuple[str, str, str], Artifact]
) -> LockedTarget:
    members = (artifacts[place] for place in solution.found)
    return target._replace(members=tuple(Member(one.upstream, one.filename) for one in members))
