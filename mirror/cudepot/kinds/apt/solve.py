"""Resolves the debs of an environment, over all its upstreams together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cudepot.catalog.lock import ENVIRONMENT, Artifact, LockedEnvironment, LockedTarget, Member, check_filenames
from cudepot.depot.environment_memory import Read, remember, remembered
from cudepot.depot.learn_digests import Known
from cudepot.depot.request import environment_request
from cudepot.digest import Digest, Promise
from cudepot.errors import ConfigError
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.environment import ARCHITECTURES, KIND
from cudepot.kinds.apt.session import Session
from cudepot.kinds.apt.solve_target import SolvedTarget, solve_target
from cudepot.kinds.apt.subset import artifact_of
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.known_distribution import unknown_distribution
from cudepot.kinds.rules.system_wanted import Wanted, system_targets


def solve(asking: Solving) -> Solved:
    """Return what the debs of an environment are now; see :class:`~cudepot.kinds.ports.Solves`."""
    wanted, depot, before = asking.wanted, asking.depot, asking.before
    assert isinstance(wanted, Wanted)
    request = environment_request(depot.base, depot.config.upstreams, asking.environment, wanted)
    locked = (asking.lock.files_of(before) if before else None) or ()
    sessions = list(_sessions(asking, wanted))
    _check_subsets(sessions)
    read = {(one.upstream.name, root.path): root.digest for one in sessions for root in one.roots()}
    same = before is not None and before.request == request and bool(locked) and not asking.upgrade
    if before and same and (remembered(depot.store, before, locked) == read or _offered(sessions, before, locked)):
        return _done(asking, sessions, Solved(before, locked), read)
    targets = system_targets(asking.environment, wanted, ARCHITECTURES)
    found = [_target(asking, wanted, sessions, target, locked) for target in targets]
    return _done(asking, sessions, _solved(asking, request, wanted, sessions, found, locked), read)


def _check_subsets(sessions: Sequence[Session]) -> None:
    for one in sessions:
        if one.upstream.whole:
            raise ConfigError(
                f"{one.upstream.name}: it is mirrored whole, but an environment takes only what it needs",
                hint="add the repository a second time, as an upstream without `whole = true`, for environments",
            )


def _done(asking: Solving, sessions: Sequence[Session], solved: Solved, read: Read) -> Solved:
    for one in sessions:
        one.save()
    remember(asking.depot.store, solved.environment, solved.artifacts, read)
    return solved._replace(upstreams=tuple(one.noted_now() for one in sessions))


def _sessions(asking: Solving, wanted: Wanted) -> Iterator[Session]:
    """Give the upstreams, each opened once for all environments of a run."""
    depot = asking.depot
    for upstream in wanted.owners(depot.config.upstreams):
        key = (KIND, upstream.name)
        noted = asking.noted.get(upstream.name)
        if noted is None:
            asking.shared.forget(key)  # what was read in vain is read again

        def opened(upstream=upstream, noted=noted) -> Session:  # type: ignore[no-untyped-def]
            locked = asking.lock.upstream(upstream.name)
            return Session.of(depot, upstream, locked, noted, rollback=asking.rollback)

        yield asking.shared.thing(key, opened)


def _offered(sessions: Sequence[Session], before: LockedEnvironment, locked: Sequence[Artifact]) -> bool:
    """Return whether every locked file is still offered by its upstream, as it is locked."""
    machines = list(dict.fromkeys(dict(one.fields)["architecture"] for one in before.targets))
    machines.reverse()  # what is read last is kept, and the first target is solved first
    return {one.upstream for one in locked} <= {one.upstream.name for one in sessions} and all(
        _offers_all(one, machines, [each for each in locked if each.upstream == one.upstream.name]) for one in sessions
    )


def _offers_all(session: Session, machines: Sequence[str], files: Sequence[Artifact]) -> bool:
    """Return whether an upstream offers files: it keeps one machine's indexes, so these are asked for all at once."""
    for machine in machines:
        if files and machine in session.upstream.architectures:
            indexes = session.indexes(machine)
            files = [one for one in files if not _offers(indexes, one)]
    return not files


def _offers(indexes: Sequence[ScannedIndex], artifact: Artifact) -> bool:
    return any(
        (one.version, one.architecture, one.filename) == (artifact.version, artifact.architecture, artifact.path)
        and _is_promised(artifact.digest, one.promised)
        for index in indexes
        for one in index.named(artifact.name)
    )


def _is_promised(digest: Digest, promised: Digest | Promise) -> bool:
    """Return whether locked bytes are what an index has now: by their size alone where it has no sha256."""
    return promised == digest if isinstance(promised, Digest) else promised.size == digest.size


def _target(
    asking: Solving, wanted: Wanted, sessions: Sequence[Session], target: LockedTarget, locked: Sequence[Artifact]
) -> SolvedTarget:
    architecture = dict(target.fields)["architecture"]
    there = [one for one in sessions if architecture in one.upstream.architectures]
    if not there:
        raise ConfigError(
            f"environment {asking.environment.name!r}: none of its upstreams has {architecture}",
            hint=f"add it to `architectures` of {', '.join(one.upstream.name for one in sessions)}"
            f"; Debian's names are {', '.join(ARCHITECTURES.values())}",
        )
    asking.depot.progress.step(f"solving {asking.environment.name} for {target.name}")
    return solve_target(asking, wanted, there, target, _kept(asking, target, locked))


def _kept(asking: Solving, target: LockedTarget, locked: Sequence[Artifact]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return name and architecture → version and upstream of what is to stay."""
    architecture = dict(target.fields)["architecture"]
    old = next((one for one in asking.before.targets if one.name == target.name), None) if asking.before else None
    places = {(one.upstream, one.filename) for one in old.members} if old else set()
    return {
        (one.name, architecture if one.architecture == "all" else one.architecture): (one.version, one.upstream)
        for one in locked
        if (one.upstream, one.filename) in places and _stays(one.name, asking.upgrade)
    }


def _stays(name: str, upgrade: bool | frozenset[str]) -> bool:
    return not (upgrade if isinstance(upgrade, bool) else name in upgrade)


def _solved(
    asking: Solving,
    request: str,
    wanted: Wanted,
    sessions: Sequence[Session],
    found: Sequence[SolvedTarget],
    locked: Sequence[Artifact],
) -> Solved:
    artifacts = _artifacts(asking, sessions, found, locked)
    targets = tuple(
        one.target._replace(
            members=tuple(
                Member(each.upstream, each.filename)
                for each in sorted(
                    (artifacts[name, id(package)] for name, package, _ in one.packages),
                    key=lambda each: (each.upstream, each.name, each.filename),
                )
            ),
            external=tuple(one.external),
        )
        for one in found
    )
    environment = LockedEnvironment(asking.environment.name, KIND, request, wanted.packages, targets)
    every: dict[tuple[str, str], Artifact] = {}
    for one in artifacts.values():
        place = (one.upstream, one.filename)
        there = every.setdefault(place, one)
        every[place] = replace(there, requires=tuple(dict.fromkeys((*there.requires, *one.requires))))
    for session in sessions:
        check_filenames([one for one in artifacts.values() if one.upstream == session.upstream.name])
    notes = dict.fromkeys(note for one in found for note in one.notes)
    notes |= dict.fromkeys(unknown_distribution(wanted.distribution, [one.upstream for one in sessions]))
    same = asking.before if asking.before == environment else environment
    return Solved(same, tuple(every.values()), tuple(notes))


def _artifacts(
    asking: Solving, sessions: Sequence[Session], found: Sequence[SolvedTarget], locked: Sequence[Artifact]
) -> Mapping[tuple[str, int], Artifact]:
    """Return upstream and ``id`` of a package → it as it is locked."""
    made: dict[tuple[str, int], Artifact] = {}
    depot = asking.depot
    for session in sessions:
        name = session.upstream.name
        mine = [(package, requires) for one in found for owner, package, requires in one.packages if owner == name]
        before = [one for one in locked if one.upstream == name]
        known = Known(depot.store, depot.progress, session.chain.source, before)
        known.learn(name, [(one.filename, one.promised) for one, _ in mine])
        for package, requires in mine:
            one = artifact_of(name, known, None, package, ENVIRONMENT)
            made[name, id(package)] = replace(one, requires=requires)
    return made
