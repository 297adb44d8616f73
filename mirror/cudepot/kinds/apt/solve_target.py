"""One target of an environment of debs: what its machines get, from the indexes of all upstreams."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from cudepot.catalog.lock import LockedTarget
from cudepot.depot.request import read_wanted
from cudepot.formats.apt import Package
from cudepot.kinds.apt.confirm import confirm
from cudepot.kinds.apt.environment import USUAL_PRIORITY
from cudepot.kinds.apt.rules.apt_question import Question
from cudepot.kinds.apt.rules.closed import unrepeated
from cudepot.kinds.apt.rules.cycles import cycle_of
from cudepot.kinds.apt.rules.install import named
from cudepot.kinds.apt.rules.installed import Installed, known, read_installed
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.marking import Present
from cudepot.kinds.apt.rules.resolve_debs import (
    Resolution,
    Root,
    bootstrap,
    followed,
    left_out,
    outranked,
    resolve,
    several,
)
from cudepot.kinds.apt.rules.union import Choice, Offering, Union
from cudepot.kinds.apt.session import Session
from cudepot.kinds.kind import Solving
from cudepot.kinds.rules.system_wanted import Wanted

_DEEP = 20_000  # frames: apt follows relations 3,000 packages deep
_LINES = 10  # of notes of one sort
Kept = Mapping[tuple[str, str], tuple[str, str]]


class SolvedTarget(NamedTuple):
    """What a target comes to.

    Attributes:
        target: without members.
        packages: upstream, package, and the relations that were followed.
        external: what is asked for that the machine has before, and dependencies that this meets.
        notes: what is to be told, a line each.
    """

    target: LockedTarget
    packages: list[tuple[str, Package, tuple[str, ...]]]
    external: list[str]
    notes: list[str]


def solve_target(
    asking: Solving, wanted: Wanted, sessions: Sequence[Session], target: LockedTarget, kept: Kept
) -> SolvedTarget:
    """Return what machines of a target get.

    Args:
        asking: what is asked.
        wanted: the debs that are wanted.
        sessions: the upstreams that have the target's architecture.
        target: the target.
        kept: name and architecture → version and upstream of what is to stay.

    Raises:
        PinError: something is not available, or not all of it together.
    """
    environment, roots = asking.environment, [Root.parse(one) for one in wanted.packages]
    union = _union(wanted, sessions, target, roots, kept)
    with deep():
        present = _present(asking, wanted, union)
        asked = [*(bootstrap(union) if environment.bootstrap else ()), *roots]
        found = resolve(union, asked, present, recommends=environment.recommends)
        installed = present.packages if isinstance(present, Installed) else []
        question = Question(union, installed, wanted.origins, environment.recommends)
        found.notes += wanted.idle(_names(union)) if wanted.origins else ()
        found.notes += confirm(question, asked, found)
        found.notes += unrepeated(union, asked, present, found) if environment.recommends else []
    own = (str(one) for one in asked[: len(asked) - len(roots)])
    target = target._replace(roots=tuple(own))
    packages = [
        (union.owner(one).name, one, followed(union, one, recommends=environment.recommends)) for one in found.packages
    ]
    notes = [f"{environment.name} ({target.name}): {one}" for one in _notes(asking, union, found, present, kept)]
    return SolvedTarget(target, packages, found.external, notes)


@contextmanager
def deep() -> Iterator[None]:
    """Let relations be followed as deep as apt follows them."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _union(
    wanted: Wanted, sessions: Sequence[Session], target: LockedTarget, roots: Sequence[Root], kept: Kept
) -> Union:
    native = dict(target.fields)["architecture"]
    foreign = tuple(dict.fromkeys(one.architecture for one in roots if one.architecture not in ("", native)))
    offerings = [
        Offering(
            one.upstream.name,
            [
                index
                for machine in (native, *foreign)
                if machine in one.upstream.architectures
                for index in one.indexes(machine)
            ],
            wanted.priority(one.upstream.name, USUAL_PRIORITY),
        )
        for one in sessions
    ]
    pinned = {one.name: one.version for one in roots if one.version}
    return Union(offerings, Machine(native, foreign), Choice(wanted.owner, pinned, kept))


def _names(union: Union) -> set[str]:
    """Return what packages of all upstreams are called."""
    return {name for offering in union.offerings for index in offering.indexes for name in index.names()}


def _present(asking: Solving, wanted: Wanted, union: Union) -> Present:
    """Return what the machines have before."""
    if wanted.listing:
        data = read_wanted(asking.depot.base, wanted.listing)
        return Installed(known(union, read_installed(data, wanted.listing)), union)
    if asking.environment.base == "minbase":
        return Installed(resolve(union, bootstrap(union), Present(), recommends=False).packages, union)
    return Present()


def _notes(asking: Solving, union: Union, found: Resolution, present: Present, kept: Kept) -> Iterator[str]:
    yield from _few(found.notes)
    yield from _few(several(union, found, present))
    yield from outranked(union, found)
    yield from _few(list(_gone(union, found, kept)))
    if isinstance(present, Installed):
        yield from (
            f"{named(one)} conflicts with {named(other)} ({relation}), which the machine has: apt would remove it"
            for one in found.packages
            for other, relation in present.excluded_by(one)
        )
    if not asking.environment.recommends and (left := left_out(union, found.packages, present)):
        size = sum(one.promised.size for one in left)
        yield (
            f"{len(left)} recommended packages of {size:,} bytes are left out, not counting their dependencies: "
            "`recommends = true` includes them"
        )
    facts = {id(one): union.facts(one) for one in found.packages}
    if cycle := cycle_of(found.packages, facts, union.machine):
        yield (
            f"{named(cycle.by)} Pre-Depends: {cycle.relation}, and {named(cycle.on)} needs it in turn: "
            "there is no order to unpack them in"
        )


def _gone(union: Union, found: Resolution, kept: Kept) -> Iterator[str]:
    """Give a line for each package that was to stay and that its upstream no longer offers."""
    for one in found.packages:
        before = kept.get(union.key(one))
        if before and before != (one.version, union.owner(one).name):
            offered = any((each.version, owner.name) == before for each, owner in union.rivals(union.key(one)))
            if not offered:
                yield f"{before[1]} no longer offers {one.name} {before[0]}; {one.version} is chosen instead"


def _few(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"and {len(lines) - _LINES} more like this"
