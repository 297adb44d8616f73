"""What an environment of debs comes to on one machine: all of it is installed together, over all repositories. Pure.

apt's own way is gone first (:mod:`.marking`); only where that leaves something broken, where apt would ask its problem
resolver or give up, another solution is searched for, with older versions where these alone fit.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cudepot.errors import PinError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.install import Need, Search, Undecided, named
from cudepot.kinds.apt.rules.marking import Marking, Present
from cudepot.kinds.apt.rules.union import Union
from cudepot.kinds.apt.rules.union_rules import UnionRules, there, there_is_none

_NAMED = 8  # packages in a message


class Root(NamedTuple):
    """What is asked for: ``NAME``, ``NAME:ARCHITECTURE`` or ``NAME=VERSION``; names and versions may be globs."""

    name: str
    version: str = ""
    architecture: str = ""

    @classmethod
    def parse(cls, text: str) -> Root:
        """Read what ``apt-get install`` takes."""
        name, _, version = text.partition("=")
        plain, _, architecture = name.strip().partition(":")
        return cls(plain, version.strip(), architecture)

    def __str__(self) -> str:
        name = f"{self.name}:{self.architecture}" if self.architecture else self.name
        return f"{name}={self.version}" if self.version else name


@dataclass(slots=True)
class Resolution:
    """What a machine gets.

    Attributes:
        packages: what is installed, in the order in which it was chosen.
        external: what is asked for that the machine has before, and dependencies that this meets.
        searched: whether apt's own way was not enough.
        notes: what is to be told, a line each.
        asked: names of packages that are asked for.
    """

    packages: list[Package]
    external: list[str] = field(default_factory=list)
    searched: bool = False
    notes: list[str] = field(default_factory=list)
    asked: frozenset[str] = frozenset()


def resolve(union: Union, roots: Sequence[Root], present: Present, *, recommends: bool) -> Resolution:
    """Return what is installed for all roots together.

    Raises:
        PinError: one is not there, or they cannot be installed together.
    """
    asked = {root: [one for one in meant(union, root) if not _has(present, one)] for root in roots}
    wanted = list({id(one): one for packages in asked.values() for one in packages}.values())
    marking = Marking(union, present, recommends)
    marking.mark(wanted)
    if next(marking.broken(), None) is None:
        found = Resolution([one.package for one in marking.marked.values()])
    else:
        found = Resolution(_searched(union, wanted, present, marking), searched=True)
        found.notes += _older(union, found.packages)
    found.asked = frozenset(one.name for one in wanted)
    there = (str(root) for root, packages in asked.items() if not packages)
    found.external = sorted({*there, *_external(union, found.packages)})
    return found


def absent(roots: Sequence[Root], external: Collection[str]) -> list[Root]:
    """Return what is asked for that the machine does not have before, by what a resolution says of it."""
    return [one for one in roots if str(one) not in external]


def _has(present: Present, package: Package) -> bool:
    """Return whether the machine has a wanted package already, in this version or a newer one."""
    return present.meets(Relation(package.name, ">=", package.version), package)


def meant(union: Union, root: Root) -> list[Package]:
    """Return the packages that are asked for; raise PinError where there is none."""
    architecture = root.architecture or union.machine.native
    names = _fitting(union, root.name)
    found = [one for name in names for one in union.versions((name, architecture))[:1]]
    if not found and not root.architecture:
        found = [one for name in names for one in union.named(name)[:1]]
    if found:
        return found
    providers = [] if root.version else list(dict.fromkeys(one.name for one in union.providing(root.name)))
    if len(providers) == 1:
        return union.named(providers[0])[:1]
    known = there(union, Relation(root.name))
    more = "" if known == there_is_none(root.name) else f": {known}"
    raise PinError(
        f"no upstream has {root} for {architecture}{more}",
        hint=_hint(union, root, providers),
    )


def _fitting(union: Union, name: str) -> list[str]:
    if not any(one in name for one in "*?["):
        return [name]
    every = {one for offering in union.offerings for index in offering.indexes for one in index.names()}
    return sorted(fnmatch.filter(every, name))


def _hint(union: Union, root: Root, providers: Sequence[str]) -> str:
    if providers:
        return f"{root.name} is provided by several packages: ask for one of {', '.join(providers[:_NAMED])}"
    every = {one for offering in union.offerings for index in offering.indexes for one in index.names()}
    like = _like(every, root.name)
    names = ", ".join(one.name for one in union.offerings)
    similar = f"; similar names: {', '.join(like)}" if like else ""
    return (
        f"the upstreams are {names}; add the one that has it, or check the name, version, `from` and "
        f"`priorities`{similar}"
    )


def _like(every: Collection[str], name: str) -> list[str]:
    """Return the names that begin as long as possible as one does, those as long as it is first."""
    for length in range(len(name), 2, -1):
        if found := [one for one in every if one.startswith(name[:length])]:
            return sorted(found, key=lambda one: (abs(len(one) - len(name)), one))[:_NAMED]
    return []


def _searched(union: Union, wanted: Sequence[Package], present: Present, marking: Marking) -> list[Package]:
    search = Search(UnionRules(union, present, marking.recommends, marking.marked), union.machine)
    try:
        found = search.run(wanted)
    except Undecided:
        raise PinError(
            f"{_label(wanted)}: too many ways to install them together, and apt's own choice leaves something broken: "
            f"{_first_broken(marking)}",
            hint="pin some of the versions, or give an upstream a priority",
        ) from None
    if found is None:
        raise _impossible(union, wanted, search, marking)
    return [one.package for one in found]


def _label(wanted: Sequence[Package]) -> str:
    return ", ".join(map(named, wanted[:3])) + (f" and {len(wanted) - 3} more" if len(wanted) > 3 else "")


def _first_broken(marking: Marking) -> str:
    one, what = next(marking.broken())
    return f"{named(one)} {what}"


def _impossible(union: Union, wanted: Sequence[Package], search: Search, marking: Marking) -> PinError:
    """Return the error that names what is not available, who wants it, and what each upstream has of it."""
    assert search.dead_end is not None, "no solution was found"
    need, because = search.dead_end
    way = _way(marking, need.by)
    asked = f"; it is needed by {' <- '.join(map(named, way))}" if way else ""
    what = f"{need.field}: {need}" if need.field else "is also requested"
    return PinError(
        f"cannot be installed together: {_label(wanted)}: {named(need.by)} {what}: {because}{asked}",
        hint=f"upstreams are {', '.join(one.name for one in union.offerings)}: add the one that has it, or check "
        "versions, `from` and `priorities`",
    )


def _way(marking: Marking, package: Package) -> list[Package]:
    """Return who needs a package, and who needs that one, up to what is asked for."""
    found: list[Package] = []
    by = marking.sought.get(marking.union.key(package))
    while by is not None and by not in found:
        found.append(by)
        by = marking.sought.get(marking.union.key(by))
    return found


def _older(union: Union, packages: Iterable[Package]) -> Iterator[str]:
    """Give a line for each package that is not the one apt takes where nothing else is asked for."""
    for one in packages:
        best = union.candidate(union.key(one))
        if best is not None and best is not one:
            yield (
                f"{named(one)} of {union.owner(one).name} is chosen, not {best.version} of {union.owner(best).name}: "
                "that version cannot be installed alongside the others"
            )


def _external(union: Union, packages: Iterable[Package]) -> Iterator[str]:
    """Give the dependencies of packages that nothing of these meets, but what the machine has."""
    offering: dict[str, list[Package]] = {}
    chosen = list(packages)
    for one in chosen:
        for name in {each.name for each in union.facts(one).offers}:
            offering.setdefault(name, []).append(one)
    for one in chosen:
        for said, group in union.facts(one).needs:
            if not _is_met(union, group, one, offering):
                yield str(Need(one, said, group, 0))


def _is_met(union: Union, group: Sequence[Relation], by: Package, offering: dict[str, list[Package]]) -> bool:
    return any(
        union.machine.meets(one, union.facts(one).offers, relation, by)
        for relation in group
        for one in offering.get(relation.name, ())
    )


def left_out(union: Union, packages: Sequence[Package], present: Present) -> list[Package]:
    """Return what the packages recommend and nothing brings, the first of each group, without what that needs."""
    offering: dict[str, list[Package]] = {}
    for one in packages:
        for name in {each.name for each in union.facts(one).offers}:
            offering.setdefault(name, []).append(one)
    found: dict[int, Package] = {}
    for one in packages:
        for _, group in union.facts(one).wishes:
            if _is_met(union, group, one, offering) or any(present.meets(each, one) for each in group):
                continue
            best = next((other for each in group for other in union.candidates(each, one)), None)
            if best is not None:
                found[id(best)] = best
    return list(found.values())


def bootstrap(union: Union) -> list[Root]:
    """Return what a bare machine is made of: essential packages, required ones, and apt."""
    names = [*union.having("Essential", "yes"), *union.having("Priority", "required")]
    beside = [one for one in ("apt", "usr-is-merged") if union.versions((one, union.machine.native))]
    return [Root(name) for name in dict.fromkeys((*(name for name, _ in names), *beside))]


def followed(union: Union, package: Package, *, recommends: bool) -> tuple[str, ...]:
    """Return the relations of a package that were followed, as it writes them."""
    facts = union.facts(package)
    groups = (*facts.needs, *facts.wishes) if recommends else facts.needs
    return tuple(dict.fromkeys(" | ".join(map(str, group)) for _, group in groups))


def several(union: Union, resolution: Resolution, present: Present) -> list[str]:
    """Return a line for each need that more than one package could meet and that decided what is taken."""
    chosen = {union.key(one): one for one in resolution.packages}
    groups = [(one, said, group) for one in resolution.packages for said, group in union.facts(one).needs]
    forced = {group[0].name for _, _, group in groups if len(group) == 1} | resolution.asked
    notes: dict[tuple[str, ...], str] = {}
    for by, _, group in groups:
        if any(present.meets(one, by) for one in group) or (len(group) == 1 and union.named(group[0].name)):
            continue
        possible = {id(one): one for relation in group for one in union.candidates(relation, by)}
        taken = next((one for one in possible.values() if chosen.get(union.key(one)) is one), None)
        others = [one.name for one in possible.values() if one is not taken and union.key(one) not in chosen]
        if taken is not None and others and taken.name not in forced:
            reason = "the first that is named" if taken.name == group[0].name else "the first in apt's order"
            names = list(dict.fromkeys(others))
            also = " or ".join(names[:3]) + (" or others" if len(names) > 3 else "")
            line = f"{taken.name} is chosen, {reason}; {also} would also satisfy {by.name}"
            notes.setdefault((taken.name, *sorted(names)), line)
    return list(notes.values())


def outranked(union: Union, resolution: Resolution) -> list[str]:
    """Return a line for each repository that has newer versions of what is taken, which its priority or `from` bars."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in resolution.packages:
        own = union.owner(one)
        if union.choice.kept.get(union.key(one)) == (one.version, own.name):
            continue  # it is locked: `update` tells what is newer
        newer = [
            (each, offering)
            for each, offering in union.rivals(union.key(one))
            if offering.name != own.name and deb_version.key(each.version) > deb_version.key(one.version)
        ]
        for each, offering in newer[:1]:
            found.setdefault((own.name, offering.name), []).append(f"{one.name} {one.version} (not {each.version})")
    return [
        (
            f"{own} takes priority over {other}, which has newer versions of {len(names)} packages: "
            f"{', '.join(names[:_NAMED])}"
        )
        + (" and others" if len(names) > _NAMED else "")
        for (own, other), names in found.items()
    ]
