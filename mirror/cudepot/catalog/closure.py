"""Which packages of an apt index a set of pins needs: the pins themselves and their dependency closure.

This is selection, not solving: several versions of one package may be chosen side by side, because a mirror offers
them and the client's apt decides. A dependency is followed to the newest version that satisfies it. It is not
followed where it meets the boundary: what the site's machines have from their distribution.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cudepot.catalog.deb_pins import DebPin
from cudepot.catalog.name_globs import Globs, Names
from cudepot.catalog.unmatched import find_each
from cudepot.errors import PinError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package, PackageIndex, Relation


@dataclass(slots=True)
class Selection:
    """What was chosen, and why; ``external`` names what the distribution has to provide."""

    chosen: dict[tuple[str, str, str], tuple[Package, str]] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)
    _offering: dict[str, list[Package]] = field(default_factory=dict)

    def offering(self, name: str) -> list[Package]:
        """Return the chosen packages of that name, or that provide it in whatever version."""
        return self._offering.get(name, [])

    def add(self, package: Package, why: str) -> bool:
        """Choose a package; tell whether it is new."""
        key = (package.name, package.version, package.architecture)
        if key in self.chosen:
            return False
        self.chosen[key] = (package, why)
        for name in {package.name, *(one.name for one in package.provides())}:
            self._offering.setdefault(name, []).append(package)
        return True


@dataclass(frozen=True, slots=True)
class _Need:
    """A dependency of a package on one machine: any of ``group`` will do."""

    by: Package
    group: list[Relation]
    architecture: str

    def fits(self, package: Package) -> bool:
        """Tell whether a package can be installed on that machine."""
        return package.architecture in (self.architecture, "all")

    def __str__(self) -> str:
        return " | ".join(map(str, self.group))


@dataclass(frozen=True, slots=True)
class _Closure:
    """What is being chosen from where, under which rules."""

    index: PackageIndex
    pins: Sequence[DebPin]
    by_name: Globs
    names: Names
    architectures: Sequence[str]
    boundary: Sequence[str]
    selection: Selection = field(default_factory=Selection)

    def run(self) -> Selection:
        """Choose the pins, then what they need; what several packages could meet waits for the rest."""
        found = find_each(lambda pin: _pinned(self.index, self.names, pin, self.architectures), self.pins)
        waiting = deque(one for several in found for one in several if self.selection.add(one, "pin"))
        open_choices: deque[_Need] = deque()
        while waiting or open_choices:
            if not waiting:
                waiting += self._met(open_choices.popleft())
                continue
            for need in self._needs(waiting.popleft()):
                if self._is_choice(need):
                    open_choices.append(need)
                else:
                    waiting += self._met(need)
        return self.selection

    def _needs(self, package: Package) -> list[_Need]:
        machines = self.architectures if package.architecture == "all" else (package.architecture,)
        return [_Need(package, group, one) for group, one in itertools.product(package.depends(), machines)]

    def _is_choice(self, need: _Need) -> bool:
        return len(need.group) > 1 or not self.index.named(need.group[0].name)

    def _met(self, need: _Need) -> list[Package]:
        """Choose what meets one dependency; return it when it is new."""
        found = self._satisfy(need)
        new = found is not None and self.selection.add(found, f"needed by {need.by.name}")
        return [found] if new and found is not None else []

    def _satisfy(self, need: _Need) -> Package | None:
        """Return what is to be added for one dependency; None when it is satisfied already or external."""
        if any(self._has_chosen(relation, need) for relation in need.group):
            return None
        if any(self._is_beyond(relation.name) for relation in need.group):
            self.selection.external.add(str(need))
            return None
        found = next((one for one in (self._newest(relation, need) for relation in need.group) if one), None)
        if found is not None and not self._is_beyond(found.name):
            return found
        if found is None:
            self._check_absent(need)
        self.selection.external.add(str(need))
        return None

    def _has_chosen(self, relation: Relation, need: _Need) -> bool:
        return any(need.fits(one) and _admitted(one, relation) for one in self.selection.offering(relation.name))

    def _is_beyond(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, glob) for glob in self.boundary)

    def _check_absent(self, need: _Need) -> None:
        """Refuse a dependency the index does offer, but in no version that fits."""
        named = [one for relation in need.group for one in self.index.named(relation.name) if need.fits(one)]
        provided = [one for relation in need.group for one in self.index.providing(relation.name) if need.fits(one)]
        if named or provided:
            raise PinError(
                f"{need.by.name} {need.by.version} depends on {need}, which the upstream does not offer",
                hint=_hint(self.index, need.group[0].name, named),
            )

    def _newest(self, relation: Relation, need: _Need) -> Package | None:
        """Return the newest package that satisfies a relation, real ones before providers."""
        for candidates in (self.index.named(relation.name), self.index.providing(relation.name)):
            fitting = [one for one in candidates if need.fits(one) and _admitted(one, relation) and self._allowed(one)]
            if fitting:
                return max(_last_of_duplicates(fitting), key=lambda one: deb_version.key(one.version))
        return None

    def _allowed(self, package: Package) -> bool:
        """Tell whether the pins admit a package: a dependency on a pinned one is met by what its pins mean only."""
        about = [self.pins[at] for at in self.by_name.fitting(package.name) if self.pins[at].speaks_of(package)]
        return not about or any(pin.means(package) for pin in about)


def select(
    index: PackageIndex, pins: Sequence[DebPin], architectures: Sequence[str], boundary: Sequence[str] = ()
) -> Selection:
    """Return the pinned packages and everything they depend on, as far as the index offers it.

    Args:
        index: what the upstream offers.
        pins: what is wanted.
        architectures: machines it is wanted for; packages for all machines are always taken.
        boundary: globs over names of dependencies that are not followed: the distribution provides them.

    Raises:
        PinError: a pin matches nothing, or a dependency is offered only in versions that do not fit.
    """
    by_name = Globs([one.name for one in pins])
    return _Closure(index, pins, by_name, Names(index.names()), architectures, boundary).run()


def _pinned(index: PackageIndex, every: Names, pin: DebPin, architectures: Sequence[str]) -> list[Package]:
    """Return the packages a pin means: the newest ones without a version, else all that match the glob."""
    names = every.fitting(pin.name) if pin.is_glob else [pin.name]
    machines = [one for one in architectures if not pin.architectures or one in pin.architectures]
    offered = [one for name in names for one in index.named(name) if one.architecture in (*machines, "all")]
    found = _last_of_duplicates([one for one in offered if pin.means(one)])
    if not found:
        hint = _hint(index, pin.name, offered)
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


def _last_of_duplicates(found: list[Package]) -> list[Package]:
    """Keep the last stanza of each version: NVIDIA's index is append-only, so the last is the repost."""
    return list({(one.name, one.version, one.architecture): one for one in found}.values())


def _admitted(package: Package, relation: Relation) -> bool:
    if package.name == relation.name and relation.admits(package.version):
        return True
    for provided in package.provides() if "Provides" in package.fields else ():
        # An unversioned Provides satisfies only an unversioned dependency (Debian Policy 7.5).
        if provided.name == relation.name and (
            not relation.operator or (provided.version and relation.admits(provided.version))
        ):
            return True
    return False


def _hint(index: PackageIndex, name: str, offered: Sequence[Package]) -> str:
    if offered:
        versions = sorted({one.version for one in offered}, key=deb_version.key)
        return f"versions of {name} there: {', '.join(versions[-8:])}"
    if providers := sorted({one.name for one in index.providing(name)}):
        return f"{name} is a virtual package: pin one that provides it ({', '.join(providers[:8])})"
    close = [one for one in sorted(index.names()) if name[:6] and one.startswith(name[:6])]
    return f"similar names there: {', '.join(close[:8])}" if close else "check the name, the suite and the architecture"
