"""Resolves the rpms of an environment: all upstreams in one pool, all names in one job, as ``dnf install`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import ENVIRONMENT, Artifact, LockedEnvironment, LockedTarget, LockedUpstream, Member
from cudepot.depot.environment_memory import remember, remembered
from cudepot.depot.learn_digests import Known
from cudepot.depot.request import environment_request
from cudepot.digest import Digest
from cudepot.errors import ConfigError, PinError
from cudepot.formats.primary import Rpm
from cudepot.formats.repomd import PATH
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.known_distribution import unknown_distribution
from cudepot.kinds.rules.system_wanted import Wanted, system_targets
from cudepot.kinds.yum.base import base_of
from cudepot.kinds.yum.environment import ARCHITECTURES, KIND
from cudepot.kinds.yum.reading import Reading, add_paths, modules_of, platform_of
from cudepot.kinds.yum.rules.groups import Groups
from cudepot.kinds.yum.rules.joint import Answer, left_out, needed
from cudepot.kinds.yum.rules.machine import Roots, activate, answered, kept, question
from cudepot.kinds.yum.rules.union import Union
from cudepot.kinds.yum.rules.wishes import bootstrap
from cudepot.kinds.yum.subset import artifact_of, named_once
from cudepot.kinds.yum.twins import served

_NAMED = 8  # packages in one note


class _Found(NamedTuple):
    """What one target came to: the pool it was chosen from, what was chosen, and what is to be told."""

    target: LockedTarget
    union: Union
    answer: Answer
    needs: Mapping[int, Sequence[str]]
    notes: list[str]


def solve(asking: Solving) -> Solved:
    """Return what the rpms of an environment are now; see :class:`~cudepot.kinds.ports.Solves`."""
    wanted, depot = asking.wanted, asking.depot
    assert isinstance(wanted, Wanted)
    owners = wanted.owners(depot.config.upstreams)
    _check_subsets(owners)
    try:
        return _resolved(asking, wanted, [_reading(asking, one) for one in owners])
    except PinError:
        raise
    except BaseException:
        for one in owners:
            asking.shared.forget((KIND, one.name))  # another attempt reads anew
        raise


def _reading(asking: Solving, upstream: Upstream) -> Reading:
    return asking.shared.thing((KIND, upstream.name), lambda: Reading(asking, upstream))


def _resolved(asking: Solving, wanted: Wanted, readings: Sequence[Reading]) -> Solved:
    depot, before = asking.depot, asking.before
    request = environment_request(depot.base, depot.config.upstreams, asking.environment, wanted)
    locked = (asking.lock.files_of(before) if before else None) or ()
    known = (remembered(depot.store, before, locked) if before else None) or {}
    if before and before.request == request and not asking.upgrade and _are_as(readings, known):
        return Solved(before, locked, (), tuple(_as_noted(asking, known)))
    found = [_found(asking, readings, one, locked) for one in system_targets(asking.environment, wanted, ARCHITECTURES)]
    artifacts = _artifacts(readings, found, locked)
    targets = tuple(_filled(one, artifacts) for one in found)
    environment = LockedEnvironment(asking.environment.name, KIND, request, wanted.packages, targets)
    every = tuple(dict.fromkeys(artifacts.values()))
    remember(depot.store, environment, every, {(one.upstream.name, PATH): one.root.root.digest for one in readings})
    notes = [f"{one.target.name}: {note}" for one in found for note in one.notes]
    notes += unknown_distribution(wanted.distribution, [one.upstream for one in readings])
    return Solved(environment, every, tuple(dict.fromkeys(notes)), tuple(one.locked for one in readings))


def _check_subsets(upstreams: Iterable[Upstream]) -> None:
    for one in upstreams:
        if one.whole:
            raise ConfigError(
                f"{one.name}: it is mirrored whole, but an environment takes only what it needs",
                hint="add the repository a second time, as an upstream without `whole = true`, for environments",
            )


def _are_as(readings: Iterable[Reading], known: Mapping[tuple[str, str], Digest]) -> bool:
    """Return whether all upstreams are as they were read before."""
    unchanged = True
    for one in readings:
        unchanged = unchanged and one.is_as(known.get((one.upstream.name, PATH)))
    if unchanged:
        for one in readings:
            one.chain.memory.save()
    return unchanged


def _as_noted(asking: Solving, known: Mapping[tuple[str, str], Digest]) -> Iterator[LockedUpstream]:
    """Give what is locked of the upstreams, as far as the environment hangs from it."""
    for (name, path), digest in known.items():
        one = asking.noted.get(name) or asking.lock.upstream(name)
        roots = tuple(root for root in one.roots if (root.path, root.digest) == (path, digest)) if one else ()
        if one and roots:
            yield replace(one, roots=roots)


def _found(asking: Solving, readings: Sequence[Reading], target: LockedTarget, locked: Sequence[Artifact]) -> _Found:
    """Return what a target comes to.

    Raises:
        PinError: something is not available, or not together; the message names the target.
        ConfigError: none of the upstreams is for its architecture.
    """
    try:
        return _solved(asking, _for_machine(readings, target), target, locked)
    except PinError as error:
        raise error.retold(f"{target.name}: {error}") from error


def _for_machine(readings: Sequence[Reading], target: LockedTarget) -> list[Reading]:
    machine = dict(target.fields)["architecture"]
    found = [one for one in readings if machine in one.upstream.architectures]
    if not found:
        raise ConfigError(
            f"{target.name}: none of the environment's upstreams is for {machine}",
            hint=f'set `architectures = ["{machine}"]` in those that are',
        )
    return found


def _solved(asking: Solving, readings: Sequence[Reading], target: LockedTarget, locked: Sequence[Artifact]) -> _Found:
    wanted, environment = asking.wanted, asking.environment
    assert isinstance(wanted, Wanted)
    fields = dict(target.fields)
    union = Union(fields["architecture"], [one.repository(wanted) for one in readings])
    bare = tuple(one.text for one in bootstrap(union)) if environment.bootstrap else ()
    roots = Roots((*wanted.packages, *bare), environment.recommends)
    platform = platform_of(union, fields["distribution"])
    modules = modules_of((one.upstream.name, one.modules) for one in readings)
    groups = Groups((one.upstream.name, one.groups) for one in readings if one.groups)
    active, owners = activate(union, modules, roots, platform), [(one.upstream.name, one.owners) for one in readings]
    add_paths(union, owners, (), wanted.packages)
    told = base_of(asking, union)
    asked, notes = question(union, active, groups, roots)
    add_paths(union, owners, (package for one in asked.wishes for package in one.packages))
    notes += [*told, *(wanted.idle(union.names()) if wanted.origins else ())]
    hidden, gone = kept(union, _locked(asking, target, locked), asking.upgrade)
    answer, stayed = answered(union, asked, hidden)
    if answer.refused:
        raise PinError(
            f"no machine can have all of {', '.join(wanted.packages)}: {answer.refused}",
            hint=f"upstreams: {', '.join(one.upstream.name for one in readings)}",
        )
    notes += [*_moved(gone, union, answer, stayed=stayed), *answer.notes]
    if not asked.recommends:
        notes += _recommended(union, left_out(union, replace(asked, hidden=hidden if stayed else ()), answer))
    needs = needed(union, answer.chosen)
    outside = {text for _, texts in needs.values() for text in texts}
    there = set(answer.chosen)
    outside |= {one.text for one in asked.wishes if there.isdisjoint(one.packages)}
    more = (("platform", platform),) if platform and modules.streams else ()
    made = target._replace(external=tuple(sorted(outside)), roots=bare, fields=(*target.fields, *more))
    return _Found(made, union, answer, {one: inside for one, (inside, _) in needs.items()}, notes)


def _locked(asking: Solving, target: LockedTarget, locked: Sequence[Artifact]) -> Iterator[tuple[str, str]]:
    """Give upstream and NEVRA of what is locked of a target."""
    named = {(one.upstream, one.filename): one for one in locked}
    targets = asking.before.targets if asking.before else ()
    for member in (one for each in targets if each.name == target.name for one in each.members):
        if one := named.get((member.upstream, member.filename)):
            yield one.upstream, f"{one.name}-{one.version}.{one.architecture}"


def _moved(gone: Sequence[str], union: Union, answer: Answer, *, stayed: bool) -> Iterator[str]:
    if gone:
        there = {union.packages[one].name for one in answer.chosen}
        names = [one for one in gone if one.rsplit("-", 2)[0] in there]
        if names:
            yield f"no longer offered, so chosen again: {_shown(names)}"
    if not stayed:
        yield "the locked packages do not fit the current requirements: all chosen again"


def _recommended(union: Union, beside: set[int]) -> Iterator[str]:
    if beside:
        total = sum(union.rpm(one).size for one in beside)
        names = sorted(union.packages[one].name for one in beside)
        yield (
            f"left out: {len(beside)} packages of {total:,} bytes that others only recommend ({_shown(names)}); "
            "`recommends = true` includes them"
        )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _artifacts(
    readings: Sequence[Reading], found: Sequence[_Found], locked: Sequence[Artifact]
) -> dict[tuple[str, str], Artifact]:
    """Return the packages of all targets, by upstream and NEVRA."""
    made: dict[tuple[str, str], Artifact] = {}
    for reading in readings:
        made |= _of_upstream(reading, found, [one for one in locked if one.upstream == reading.upstream.name])
    return made


def _of_upstream(
    reading: Reading, found: Sequence[_Found], before: Sequence[Artifact]
) -> dict[tuple[str, str], Artifact]:
    chain, name = reading.chain, reading.upstream.name
    needs: dict[str, set[str]] = {}
    chosen, listed = dict[str, Rpm](), list[Rpm]()
    for one in found:
        for number in (each for each in one.answer.chosen if one.union.upstreams[each] == name):
            package = one.union.packages[number]
            needs.setdefault(package.nevra, set()).update(one.needs[number])
            chosen.setdefault(package.nevra, one.union.rpm(number))
            twins = (each for each in one.union.by_name[package.name] if each.nevra == package.nevra)
            listed += [one.union.rpm(each.id) for each in twins if one.union.upstreams[each.id] == name]
    rpms = [rpm for rpm, _ in served(chain, listed, [(rpm, ENVIRONMENT) for rpm in chosen.values()])]
    known = Known(chain.depot.store, chain.depot.progress, chain.source, before)
    known.learn(name, [(one.place(reading.upstream.url), one.promised) for one in rpms])
    artifacts = named_once(artifact_of(reading.upstream, known, None, one, ENVIRONMENT) for one in rpms)
    return {
        (name, rpm.nevra): replace(one, requires=tuple(sorted(needs[rpm.nevra])))
        for rpm, one in zip(rpms, artifacts, strict=True)
    }


def _filled(one: _Found, artifacts: Mapping[tuple[str, str], Artifact]) -> LockedTarget:
    places = ((one.union.upstreams[each], one.union.packages[each].nevra) for each in one.answer.chosen)
    members = sorted(Member(artifacts[place].upstream, artifacts[place].filename) for place in places)
    return one.target._replace(members=tuple(members))
