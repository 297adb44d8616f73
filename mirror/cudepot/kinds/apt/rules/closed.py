"""What an environment of debs comes to where its members are all there is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.formats.apt import Package, Relation, render_packages
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.marking import Present
from cudepot.kinds.apt.rules.resolve_debs import Resolution, Root, absent, resolve
from cudepot.kinds.apt.rules.union import Choice, Offering, Union

_ALTERNATIVE = " | "
_NAMED = 8  # packages in a line


class Outside(Present):
    """What the lock says the machine has: what was asked for, and dependencies that its packages did not bring.

    Args:
        external: as the lock has them, groups of alternatives whole.
    """

    def __init__(self, external: tuple[str, ...]) -> None:
        self._relations = {one for group in external for one in group.split(_ALTERNATIVE)}

    def meets(self, relation: Relation, by: Package) -> bool:  # noqa: ARG002
        """Return whether it may be left to the machine: of a group :func:`closed` looks at the whole."""
        return str(relation) in self._relations


def closed(environment: LockedEnvironment, target: LockedTarget, indexes: Mapping[str, bytes]) -> list[str]:
    """Return what a target's packages need that neither these indexes have nor the lock says the machine has.

    Args:
        environment: as it is locked.
        target: one of its targets.
        indexes: name → Packages index with members of the target alone, in the order of the upstreams.

    Raises:
        PinError: what was asked for cannot be installed from them.
        FormatError: a relation cannot be read.
    """
    fields = dict(target.fields)
    roots = absent([Root.parse(one) for one in (*target.roots, *environment.roots)], target.external)
    native = fields["architecture"]
    foreign = tuple(dict.fromkeys(one.architecture for one in roots if one.architecture not in ("", native)))
    pinned = {one.name: one.version for one in roots if one.version}
    offerings = [Offering(name, [ScannedIndex(text, name)]) for name, text in indexes.items()]
    union = Union(offerings, Machine(native, foreign), Choice(lambda _: "", pinned, {}))
    found = resolve(union, roots, Outside(target.external), recommends=fields.get("recommends") == "true")
    known = set(target.external)
    return [f"{one} is not met by any of its packages" for one in found.external if one not in known]


def unrepeated(union: Union, roots: Sequence[Root], present: Present, found: Resolution) -> list[str]:
    """Return a line where apt, with nothing to choose from but what it chose, would choose fewer packages.

    That is so with recommendations: one that something else met meanwhile is passed over. Nothing is missing then.
    """
    chosen: dict[str, list[Package]] = {}
    for one in found.packages:
        chosen.setdefault(union.owner(one).name, []).append(one)
    offerings = [
        one._replace(indexes=[ScannedIndex(render_packages([each.fields for each in chosen[one.name]]), one.name)])
        for one in union.offerings
        if one.name in chosen
    ]
    alone = Union(offerings, union.machine, Choice(lambda _: "", union.choice.pinned, {}))
    asked = absent(roots, found.external)
    again = {alone.key(one) for one in resolve(alone, asked, present, recommends=True).packages}
    left = sorted(one.name for one in found.packages if union.key(one) not in again)
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return [f"apt leaves out {', '.join(left[:_NAMED])}{more} when it sees only these packages"] if left else []
