"""Which packages of an apt index a set of pins needs: the pins themselves and their dependency closure.

This is selection, not solving: several versions of one package may be chosen side by side, because a mirror offers
them and the client's apt decides. A dependency is followed to the newest version that satisfies it.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from cudepot.errors import PinError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package, PackageIndex, Relation


@dataclass(frozen=True, slots=True)
class DebPin:
    """A wanted package: an exact name and a glob over versions."""

    name: str
    version: str = "*"

    @classmethod
    def parse(cls, text: str) -> DebPin:
        """Read ``name`` or ``name=version-glob``, as apt-get install takes it."""
        name, _, version = text.partition("=")
        return cls(name.strip(), version.strip() or "*")

    def means(self, package: Package) -> bool:
        """Tell whether the pin speaks of that package in that version."""
        return package.name == self.name and fnmatch.fnmatchcase(package.version, self.version)

    def __str__(self) -> str:
        return self.name if self.version == "*" else f"{self.name}={self.version}"


Held = dict[str, list[DebPin]]
"""Pins by package name: a dependency on a pinned package is met by a pinned version of it only."""


@dataclass(slots=True)
class Selection:
    """What was chosen, and why; ``external`` names what this index does not offer at all."""

    chosen: dict[tuple[str, str, str], tuple[Package, str]] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)

    def add(self, package: Package, why: str) -> bool:
        """Choose a package; tell whether it is new."""
        key = (package.name, package.version, package.architecture)
        if key in self.chosen:
            return False
        self.chosen[key] = (package, why)
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


def select(index: PackageIndex, pins: Sequence[DebPin], architectures: Sequence[str]) -> Selection:
    """Return the pinned packages and everything they depend on, as far as the index offers it.

    Raises:
        PinError: a pin matches nothing, or a dependency is offered only in versions that do not fit.
    """
    selection = Selection()
    waiting: list[Package] = []
    for pin in pins:
        waiting += [one for one in pinned(index, pin, architectures) if selection.add(one, "pin")]
    held: dict[str, list[DebPin]] = {}
    for pin in pins:
        held.setdefault(pin.name, []).append(pin)
    while waiting:
        package = waiting.pop(0)
        machines = architectures if package.architecture == "all" else (package.architecture,)
        for group, machine in itertools.product(package.depends(), machines):
            found = _satisfy(index, selection, _Need(package, group, machine), held)
            if found is not None and selection.add(found, f"needed by {package.name}"):
                waiting.append(found)
    return selection


def pinned(index: PackageIndex, pin: DebPin, architectures: Sequence[str]) -> list[Package]:
    """Return the packages a pin means: the newest one without a version, else all that match the glob."""
    offered = [one for one in index.named(pin.name) if one.architecture in (*architectures, "all")]
    found = [one for one in offered if fnmatch.fnmatchcase(one.version, pin.version)]
    if not found:
        raise PinError(f"pin {str(pin)!r} matches nothing", hint=_hint(index, pin.name, offered))
    if pin.version == "*":
        newest = max((one.version for one in found), key=deb_version.key)
        found = [one for one in found if one.version == newest]
    return _last_of_duplicates(found)


def _last_of_duplicates(found: list[Package]) -> list[Package]:
    """Keep the last stanza of each version: NVIDIA's index is append-only, so the last is the repost."""
    return list({(one.version, one.architecture): one for one in found}.values())


def _satisfy(index: PackageIndex, selection: Selection, need: _Need, held: Held) -> Package | None:
    """Return what is to be added for one dependency; None when it is satisfied already or external."""
    chosen = [one for one, _ in selection.chosen.values() if need.fits(one)]
    if any(_admitted(one, relation) for one in chosen for relation in need.group):
        return None
    for relation in need.group:
        found = _newest(index, relation, need, held)
        if found is not None:
            return found
    named = [one for relation in need.group for one in index.named(relation.name) if need.fits(one)]
    provided = [one for relation in need.group for one in index.providing(relation.name) if need.fits(one)]
    text = " | ".join(map(str, need.group))
    if named or provided:
        raise PinError(
            f"{need.by.name} {need.by.version} depends on {text}, which the upstream does not offer",
            hint=_hint(index, need.group[0].name, named),
        )
    selection.external.add(text)
    return None


def _newest(index: PackageIndex, relation: Relation, need: _Need, held: Held) -> Package | None:
    """Return the newest package that satisfies a relation, real ones before providers."""
    for candidates in (index.named(relation.name), index.providing(relation.name)):
        fitting = [one for one in candidates if need.fits(one) and _admitted(one, relation) and _allowed(one, held)]
        if fitting:
            return max(_last_of_duplicates(fitting), key=lambda one: deb_version.key(one.version))
    return None


def _allowed(package: Package, held: Held) -> bool:
    pins = held.get(package.name)
    return pins is None or any(pin.means(package) for pin in pins)


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
    close = [one for one in sorted(index.names()) if name[:6] and one.startswith(name[:6])]
    return f"similar names there: {', '.join(close[:8])}" if close else "check the name, the suite and the architecture"
