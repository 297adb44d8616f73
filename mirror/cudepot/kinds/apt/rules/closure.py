"""Which packages of an apt repository a set of pins needs: the pins themselves and their dependency closure.

Several versions of one package may be chosen side by side, because a mirror offers them and a client installs one.
What is proved of each pinned package is that it can be installed, with its dependencies; of those that one
``[[pin]]`` names without a glob, each in one version, that they can be installed together. A dependency is not
followed where it meets the boundary: what the site's machines have from their distribution.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cudepot.catalog.name_globs import Names
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.errors import PinError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package
from cudepot.kinds.apt.rules.cycles import cycle_of
from cudepot.kinds.apt.rules.install import Chosen, Need, Search, Undecided, named
from cudepot.kinds.apt.rules.installable import DebRules, Selection, Wishes
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.pins import DebPin, PinTable
from cudepot.kinds.rules.other_spelling import is_cudnn, meant_by, spelled_out, wish
from cudepot.kinds.rules.together import apart, together
from cudepot.kinds.rules.unmatched import find_each, spelled


def select(offers: Offers, wishes: Wishes) -> Selection:
    """Return the pinned packages and everything they depend on, as far as the repository offers it.

    Raises:
        PinError: a pin matches nothing.
    """
    every, table = Names(offers.names()), PinTable(wishes.pins)
    selection, proved = Selection(), set[tuple[int, str]]()
    found = find_each(lambda pin: _pinned(offers, every, pin, wishes.architectures), wishes.pins)
    for package in itertools.chain.from_iterable(found):
        selection.add(package, "pin", offers.facts(package).offers)
    for native in wishes.architectures:
        machine = Machine(native, tuple(one for one in wishes.architectures if one != native))
        rules = DebRules(offers, wishes, table, machine, selection)
        closure = _Closure(rules, wishes.name, machine, selection, proved)
        named, alone = _wanted(wishes.pins, found, machine)
        for several in named:
            closure.follow_together(several)
        for one in alone:
            closure.follow([one])
    return selection


def _wanted(
    pins: Sequence[DebPin], found: Sequence[Sequence[Package]], machine: Machine
) -> tuple[list[list[Package]], list[Package]]:
    """Return what is wanted on a machine: what each ``[[pin]]`` names without a glob, and all packages."""
    entries: dict[int, dict[int, Package]] = {}
    alone: list[Package] = []
    for pin, packages in zip(pins, found, strict=True):
        here = [one for one in packages if machine.architecture(one) == machine.native]
        if not pin.architectures or machine.native in pin.architectures:
            alone += here
            if not pin.is_glob:
                entries.setdefault(pin.entry, {}).update({id(one): one for one in here})
    return [list(several.values()) for several in entries.values()], alone


@dataclass(frozen=True, slots=True)
class _Closure:
    """The closure on one machine, as it grows; ``proved`` has each package that is known to be installable there."""

    rules: DebRules
    name: str
    machine: Machine
    selection: Selection
    proved: set[tuple[int, str]]

    def follow_together(self, several: Sequence[Package]) -> None:
        """Choose what goes with the packages of one table; note which exclude each other and need not go together."""
        for one in together(several, _called):
            self.follow(one)
        every = apart(several, _called)
        if reason := self._exclusion(every):
            text = f"{_label(every)} conflict with each other: a machine installs those of one CUDA"
            self.selection.notes[f"{text} ({reason})"] = None

    def _exclusion(self, packages: Sequence[Package]) -> str:
        """Return why packages cannot be installed together; nothing where they can, or where that is undecided."""
        search = Search(self.rules, self.machine)
        try:
            if search.run(packages) is not None or search.dead_end is None:
                return ""
        except Undecided:
            return ""
        need, because = search.dead_end
        return because or f"{named(need.by)} {need.field}: {need}"

    def follow(self, wanted: Sequence[Package]) -> None:
        """Choose what goes with wanted packages; write down what cannot be installed."""
        native = self.machine.native
        if all((id(one), native) in self.proved for one in wanted):
            return
        search = Search(self.rules, self.machine)
        try:
            found = search.run(wanted)
        except Undecided:
            label = ", ".join(map(named, wanted[:3]))
            self.selection.notes[f"{label}: too many ways to install it: not proved that any works"] = None
            found = self._leniently(wanted)
        if found is None and len(wanted) > 1:
            self._apart(wanted, search)
        elif found is None:
            self.selection.findings.append(_finding(self.name, wanted, search))
            self._take(self._leniently(wanted), ())
        else:
            self._check_order(wanted, [one.package for one in found])
            self._take(found, search.external)

    def _check_order(self, wanted: Sequence[Package], packages: Sequence[Package]) -> None:
        """Write down a set that has no order to be unpacked in."""
        facts = {id(one): self.rules.facts(one) for one in packages}
        if cycle := cycle_of(packages, facts, self.machine):
            whose = "" if cycle.by is wanted[0] else f"{named(cycle.by)} "
            relation = f"{whose}Pre-Depends: {cycle.relation}"
            because = f"{named(cycle.on)} needs {named(cycle.by)} in turn"
            self.selection.findings.append(Unsolvable(self.name, _label(wanted), relation, because))

    def _apart(self, wanted: Sequence[Package], search: Search) -> None:
        """Follow each package alone where they cannot be installed together; say so where each can alone."""
        before = len(self.selection.findings)
        for one in wanted:
            self.follow([one])
        if len(self.selection.findings) == before:
            self.selection.findings.append(_finding(self.name, wanted, search))

    def _leniently(self, wanted: Sequence[Package]) -> list[Chosen]:
        search = Search(self.rules, self.machine, lenient=True)
        found = search.run(wanted) or []
        self._take((), search.external)
        return found

    def _take(self, found: Sequence[Chosen], external: Sequence[Need]) -> None:
        for package, by in found:
            why = f"needed by {by.name}" if by else "pin"
            self.selection.add(package, why, self.rules.facts(package).offers)
            self.proved.add((id(package), self.machine.native))
        for need in external:
            self.selection.external.add(str(need))
            self.selection.notes.update(dict.fromkeys(self.rules.elsewhere(need)))


def _called(package: Package) -> tuple[str, str]:
    return package.name, package.version


def _label(wanted: Sequence[Package]) -> str:
    return " and ".join(map(named, wanted[:3])) + (f" and {len(wanted) - 3} more" if len(wanted) > 3 else "")


def _finding(name: str, wanted: Sequence[Package], search: Search) -> Unsolvable:
    """Return what is to be told of a wanted set that cannot be installed."""
    assert search.dead_end is not None, "no solution was found"
    need, because = search.dead_end
    label = _label(wanted)
    whose = "" if len(wanted) == 1 and need.by is wanted[0] else f"{named(need.by)} "
    if not need.field:
        return Unsolvable(name, label, f"pinned together, {named(need.by)} among them", because)
    return Unsolvable(name, label, f"{whose}{need.field}: {need}", because)


def _pinned(offers: Offers, every: Names, pin: DebPin, architectures: Sequence[str]) -> list[Package]:
    """Return the packages a pin means: the newest ones without a version, else all that match the glob."""
    names = every.fitting(pin.name) if pin.is_glob else [pin.name]
    machines = [one for one in architectures if not pin.architectures or one in pin.architectures]
    named = (offers.exactly(name, pin.version) if pin.is_exact else offers.named(name) for name in names)
    offered = [one for several in named for one in several if one.architecture in (*machines, "all")]
    found = [one for one in offered if pin.means(one)]
    if not found:
        hint = _hint(offers, every, pin, machines)
        raise PinError(f"pin {str(pin)!r} matches nothing", hint=hint, pins=(pin.spec,))
    return found if pin.version != "*" else _newest_for_each(found, machines)


def _newest_for_each(found: list[Package], machines: Sequence[str]) -> list[Package]:
    """Keep the newest version of each name, for each machine, in the order given."""
    newest: dict[tuple[str, str], Package] = {}
    for package, machine in itertools.product(found, machines):
        key = (package.name, machine)
        if package.architecture in (machine, "all"):
            rival = newest.setdefault(key, package)
            if deb_version.key(package.version) > deb_version.key(rival.version):
                newest[key] = package
    kept = {id(one) for one in newest.values()}
    return [one for one in found if id(one) in kept]


def _hint(offers: Offers, every: Names, pin: DebPin, machines: Sequence[str]) -> str:
    """Return what there is beside the name, version or architecture that a pin asks for."""
    name = pin.name
    if versions := [] if pin.is_glob else offers.versions(name):
        there = {one.architecture for one in offers.named(name)}
        if there & {*machines, "all"}:
            offered = [one for one in offers.named(name) if replace(pin, version="*").means(one)]
            here = {one.version for one in offered if one.architecture in (*machines, "all")}
            if meant := "" if not pin.is_exact else spelled(pin.version, (one for one in versions if one in here)):
                return f"write {name}={meant}"
            return _otherwise(offers, [name], pin) or f"versions of {name} there: {', '.join(versions[-8:])}"
        return f"{name} is in the upstream only for {', '.join(sorted(there))}: add that to `architectures`"
    if providers := sorted({one.name for one in offers.providing(name)}):
        return f"{name} is a virtual package: pin one that provides it ({', '.join(providers[:8])})"
    close = every.beginning(name[:6])[:8] if name[:6] else []
    similar = f"similar names there: {', '.join(close)}" if close else "check the name, the suite and the architecture"
    return _otherwise(offers, _names_meant(every, pin), pin) or similar


def _names_meant(every: Names, pin: DebPin) -> list[str]:
    """Return the names there that a pin in another spelling can be about."""
    asked = wish(pin.spec)
    return [] if asked is None else every.beginning("libcudnn") if is_cudnn(asked) else every.fitting(asked.family)


def _otherwise(offers: Offers, names: Sequence[str], pin: DebPin) -> str:
    """Return a hint where a pin is spelt as rpm, conda or pip would; empty where nothing there is meant."""
    offered = ((name, version) for name in names for version in offers.versions(name))
    return spelled_out([f"{name}={version}" for name, version in meant_by(pin.spec, offered, pin.cuda)])
