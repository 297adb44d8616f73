"""One target of an environment of rpms: its pool, its active module streams, and what is asked of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from cudepot.errors import PinError
from cudepot.kinds.yum.rules.groups import Groups
from cudepot.kinds.yum.rules.joint import Answer, Question, Wish, solved
from cudepot.kinds.yum.rules.streams import Active, Asked, Modules, asked_module
from cudepot.kinds.yum.rules.union import Union
from cudepot.kinds.yum.rules.wishes import is_second, wish


@dataclass(frozen=True, slots=True)
class Roots:
    """What is asked for of a machine.

    Attributes:
        specs: as cudepot.toml has them.
        recommends: whether weak dependencies are followed.
    """

    specs: Sequence[str]
    recommends: bool = False


def activate(union: Union, modules: Modules, roots: Roots, platform: str) -> Active:
    """Hide from a pool what module streams hide, as dnf does; return the active streams.

    Raises:
        PinError: a stream that is asked for is not there, or two exclude each other.
    """
    asked = [one for one in map(asked_module, roots.specs) if one and modules.known(one.name)]
    active = modules.active(asked, platform)
    if not modules.streams:
        return active
    there, others = active.nevras, active.others
    union.hidden |= {one.id for one in union.packages.values() if one.long in others}
    for name in active.names:
        found = (union.packages.get(one) for one in union.providers(name))
        union.hidden |= {one.id for one in found if one and one.long not in there}
    return active


def question(union: Union, active: Active, groups: Groups, roots: Roots) -> tuple[Question, list[str]]:
    """Return what is asked of a pool, and notes on what of groups no upstream has.

    Raises:
        PinError: nothing is offered under a name; all such names are told.
    """
    wishes, notes, errors = list[Wish](), list[str](), list[PinError]()
    for spec in roots.specs:
        try:
            wishes += _wishes(union, active, groups, spec, notes)
        except PinError as error:
            errors.append(error)
    if errors:
        raise _joined(errors)
    return Question(tuple(wishes), roots.recommends, (), is_second(union, roots.specs)), notes


def _joined(errors: Sequence[PinError]) -> PinError:
    hints = "; ".join(one.hint for one in errors if one.hint)
    return PinError("; ".join(map(str, errors)), hint=hints)


def _wishes(union: Union, active: Active, groups: Groups, spec: str, notes: list[str]) -> list[Wish]:
    hidden = frozenset(union.hidden)
    asked = asked_module(spec)
    if not asked:
        return [wish(union, spec, hidden)]
    if active.modules.known(asked.name):
        return [_of_module(union, active, asked, name, hidden) for name in active.packages(asked)]
    names = groups.packages(spec.removeprefix("@"))
    there = [name for name in names if any(one.id not in hidden for one in union.named(name))]
    if missing := [name for name in names if name not in there]:
        notes.append(f"{spec}: none of the environment's upstreams has {', '.join(missing)}; dnf would skip it too")
    return [wish(union, name, hidden)._replace(text=f"{spec}: {name}") for name in there]


def _of_module(union: Union, active: Active, asked: Asked, name: str, hidden: frozenset[int]) -> Wish:
    """Return a package of a profile: of its stream where that has it."""
    found = wish(union, name, hidden)
    mine = {nevra for one in active.streams if one.name == asked.name for nevra in one.nevras}
    of_it = tuple(one for one in found.packages if union.packages[one].long in mine)
    return Wish(f"@{asked.name}: {name}", of_it or found.packages)


def kept(union: Union, locked: Iterable[tuple[str, str]], moves: Collection[str] | bool) -> tuple[set[int], list[str]]:
    """Return what has to be hidden so that locked packages stay, and which are no longer offered.

    Args:
        union: the pool.
        locked: upstream and NEVRA of what is locked.
        moves: names of packages that may move; True for all.
    """
    hidden, gone = set[int](), list[str]()
    if moves is True:
        return hidden, gone
    places = {
        (union.upstreams[one.id], one.nevra): one for one in union.packages.values() if one.id not in union.hidden
    }
    stay: dict[str, list[int]] = {}
    for place in locked:
        one = places.get(place)
        if one is None:
            gone.append(place[1])
        elif not moves or one.name not in moves:
            stay.setdefault(one.name, []).append(one.id)
    for name, ids in stay.items():
        mine = {union.packages[one].architecture for one in ids}
        hidden |= {one.id for one in union.by_name[name] if one.id not in ids and one.architecture in mine}
    return hidden, gone


def answered(union: Union, asked: Question, hidden: Collection[int]) -> tuple[Answer, bool]:
    """Return what is chosen, what is locked staying where that has a solution; and whether it stayed."""
    if hidden:
        wishes = [one._replace(packages=_left(one, hidden)) for one in asked.wishes]
        answer = solved(union, replace(asked, wishes=tuple(wishes), hidden=hidden))
        if not answer.refused:
            return answer, True
    return solved(union, asked), not hidden


def _left(one: Wish, hidden: Collection[int]) -> tuple[int, ...]:
    return tuple(each for each in one.packages if each not in hidden) or one.packages
