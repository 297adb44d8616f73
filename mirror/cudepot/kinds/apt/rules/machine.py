"""Which package meets, or excludes, which on a machine with several architectures. Pure.

Sources: deb-control(5), Debian Policy 7, and the Multi-Arch specification as dpkg and apt apply it: packages of
``all`` count as of the machine's own architecture; a plain relation means the architecture of the package that has
it, or any package that is ``Multi-Arch: foreign``; ``:any`` means packages that are ``Multi-Arch: allowed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cudepot.formats.apt import Package, Relation


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: its own architecture, and those that it takes beside it."""

    native: str
    foreign: tuple[str, ...] = ()

    def architecture(self, package: Package) -> str:
        """Return the architecture a package counts as."""
        return self.native if package.architecture == "all" else package.architecture

    def takes(self, package: Package) -> bool:
        """Return whether a package is of an architecture that is installed there."""
        return self.architecture(package) in (self.native, *self.foreign)

    def reaches(self, package: Package, relation: Relation, by: Package) -> bool:
        """Return whether a package is of an architecture that a relation of ``by`` means."""
        here, wanted = self.architecture(package), relation.architecture
        if wanted == "any":
            return package.multi_arch == "allowed"
        if wanted:
            return here == (self.native if wanted == "native" else wanted)
        return here == self.architecture(by) or package.multi_arch == "foreign"

    def meets(self, package: Package, offers: Iterable[Relation], relation: Relation, by: Package) -> bool:
        """Return whether a package, with all that it ``offers``, meets a dependency of ``by``."""
        return self.takes(package) and self.reaches(package, relation, by) and admitted(offers, relation)

    def hits(self, package: Package, offers: Iterable[Relation], relation: Relation, by: Package) -> bool:
        """Return whether a Conflicts or Breaks of ``by`` excludes a package; without architecture it means all.

        A package never excludes itself, not even through what it provides (datacenter-gpu-manager does so).
        """
        wanted = self.native if relation.architecture == "native" else relation.architecture
        if package.name == by.name or wanted not in ("", "any", self.architecture(package)):
            return False
        return admitted(offers, relation)

    def share(self, one: Package, other: Package) -> bool:
        """Return whether two packages of one name can be installed beside each other."""
        if self.architecture(one) == self.architecture(other):
            return False
        return one.multi_arch == other.multi_arch == "same" and one.version == other.version


def admitted(offers: Iterable[Relation], relation: Relation) -> bool:
    """Return whether one of the names and versions that a package offers is what a relation asks for.

    A name that is provided without a version satisfies only a relation without one (Debian Policy 7.5).
    """
    for one in offers:
        if one.name == relation.name and (not relation.operator or (one.version and relation.admits(one.version))):
            return True
    return False
