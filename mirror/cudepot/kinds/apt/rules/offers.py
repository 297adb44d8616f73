"""What Packages indexes offer: packages by name and by what they provide, sorted by version once for each name. Pure.

A name may have thousands of versions, and as many relations may ask for it: each is answered by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from cudepot.errors import FormatError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package, PackageIndex, Relation

Alternatives = tuple[str, list[Relation]]
"""A field (``Depends`` or ``Pre-Depends``) and one of its groups of alternatives."""


class Facts(NamedTuple):
    """The relations of one package, parsed once; ``wishes`` are what it recommends."""

    needs: tuple[Alternatives, ...]
    excludes: tuple[tuple[str, Relation], ...]
    offers: tuple[Relation, ...]
    wishes: tuple[Alternatives, ...] = ()


class Shelved(NamedTuple):
    """A package under a name: its own with its version, or one it provides, with a version or without."""

    key: deb_version.Key | None
    package: Package


class Shelf:
    """Offers of one name, sorted: what fits a relation is found by bisection, the newest first."""

    def __init__(self, offers: Iterable[Shelved] = ()) -> None:
        self._every = list(offers)
        self._known = [one for one in self._every if one.key is not None]
        if len(self._every) > 1:  # of most names there is one
            self._every.sort(key=_age)
            self._known.sort(key=_rank)

    def add(self, offer: Shelved) -> None:
        """Put one more into its place."""
        insort(self._every, offer, key=_age)
        if offer.key is not None:
            insort(self._known, offer, key=_rank)

    def fitting(self, relation: Relation) -> Iterator[Package]:
        """Give the packages whose version under this name a relation admits."""
        if not relation.operator:
            return (one.package for one in reversed(self._every))
        bound, start, end = deb_version.key(relation.version), 0, len(self._known)
        if relation.operator in _FROM:
            start = _FROM[relation.operator](self._known, bound, key=_key)
        if relation.operator in _TO:
            end = _TO[relation.operator](self._known, bound, key=_key)
        return (self._known[at].package for at in range(end - 1, start - 1, -1))


_FROM: dict[str, Any] = {"=": bisect_left, ">=": bisect_left, ">": bisect_left, ">>": bisect_right}
_TO: dict[str, Any] = {"=": bisect_right, "<=": bisect_right, "<": bisect_right, "<<": bisect_left}
"""Where what an operator admits begins and ends; the deprecated ``<`` and ``>`` include equality."""


def _key(one: Shelved) -> deb_version.Key:
    assert one.key is not None, "a lookup by version needs offers that have one"
    return one.key


def _age(one: Shelved) -> deb_version.Key:
    return deb_version.key(one.package.version)


def _rank(one: Shelved) -> tuple[deb_version.Key, deb_version.Key]:
    return _key(one), _age(one)


def offers_under(name: str, package: Package, offers: Sequence[Relation], *, real: bool) -> list[Shelved]:
    """Return a package as what it is under a name: by its own name (the first of ``offers``), or as its provider."""
    meant = offers[:1] if real else offers[1:]
    return [
        Shelved(deb_version.key(one.version) if one.version else None, package) for one in meant if one.name == name
    ]


class Offers:
    """Packages of several indexes. Of duplicates in one index the last counts, as apt has it.

    Args:
        indexes: in the order of the upstream; of one package in several of them the first is taken.
        whats: names of the indexes, for errors.
    """

    def __init__(self, indexes: Sequence[PackageIndex], whats: Sequence[str] = ()) -> None:
        self._indexes, self._whats = indexes, whats
        self._named: dict[str, tuple[Package, ...]] = {}
        self._origins: dict[int, int] = {}
        self._twins: dict[int, tuple[Package, int]] = {}
        self._facts: dict[int, Facts] = {}
        self._versions: dict[str, list[str]] = {}
        self._exact: dict[str, dict[str, list[Package]]] = {}

    def names(self) -> set[str]:
        """Return the names of all real packages."""
        return {name for index in self._indexes for name in index.names()}

    def order(self, package: Package) -> tuple[int, int]:
        """Return the place of a package's stanza: which index, and where in it."""
        at = self._origins[id(package)]
        return at, self._indexes[at].order(package)

    def named(self, name: str) -> tuple[Package, ...]:
        """Return all packages of that name, in the order of the indexes."""
        if name not in self._named:
            self._named[name] = self._merged(name)
        return self._named[name]

    def set_aside(self, name: str) -> list[str]:
        """Return what is wrong with the stanzas of that name that no client could use."""
        return [str(fault) for index in self._indexes for fault in index.set_aside(name)]

    def providing(self, name: str) -> list[Package]:
        """Return all packages that list ``name`` in Provides, in the order of the indexes."""
        found = [one for index in self._indexes for one in index.providing(name)]
        kept = {id(one) for other in {one.name for one in found} for one in self.named(other)}
        return [one for one in found if id(one) in kept]

    def rival(self, package: Package) -> Package | None:
        """Return what the package's own index has under the same version with other bytes; None where it has none."""
        return self._indexes[self._origins[id(package)]].rival(package)

    def twin(self, package: Package) -> tuple[str, str] | None:
        """Return the names of two indexes that have other bytes of a package under its version; None where none do."""
        other = self._twins.get(id(package))
        if other is None:
            return None
        first, second = (self._whats[at] if self._whats else "" for at in (self._origins[id(package)], other[1]))
        return first, second

    def facts(self, package: Package) -> Facts:
        """Return the relations of a package; raise FormatError that names it where they cannot be read."""
        found = self._facts.get(id(package))
        if found is None:
            found = self._facts[id(package)] = facts_of(package)
        return found

    def versions(self, name: str) -> list[str]:
        """Return the versions of that name, the newest last."""
        if name not in self._versions:
            self._versions[name] = sorted({one.version for one in self.named(name)}, key=deb_version.key)
        return self._versions[name]

    def exactly(self, name: str, version: str) -> list[Package]:
        """Return the packages of that name in a version that is written just so."""
        if name not in self._exact:
            found = self._exact.setdefault(name, {})
            for one in self.named(name):
                found.setdefault(one.version, []).append(one)
        return self._exact[name].get(version, [])

    def _merged(self, name: str) -> tuple[Package, ...]:
        kept: dict[tuple[str, str], Package] = {}
        for at, index in enumerate(self._indexes):
            last = {(one.version, one.architecture): one for one in index.named(name)}
            for key, one in last.items():
                first = kept.setdefault(key, one)
                self._origins.setdefault(id(one), at)
                if first is not one and not _same_bytes(first, one):
                    self._twins.setdefault(id(first), (one, at))
        return tuple(kept.values())


def _same_bytes(one: Package, other: Package) -> bool:
    """Return whether two stanzas speak of the same bytes, by every hash that both tell."""
    hashes = [name for name in ("SHA256", "SHA512") if name in one.fields and name in other.fields]
    same = all(one.fields[name].lower() == other.fields[name].lower() for name in hashes)
    return same and one.promised.size == other.promised.size


def facts_of(package: Package) -> Facts:
    """Return the relations of a package; raise FormatError that names it where they cannot be read."""
    try:
        own = Relation(package.name, "=", package.version)
        needs = tuple(package.needs())
        for one in (relation for _, group in needs for relation in group if relation.operator):
            deb_version.key(one.version)
        excludes = tuple(one for one in package.excludes() if _is_sound(one[1]))
        return Facts(needs, excludes, (own, *filter(_is_sound, package.provides())), tuple(package.wishes()))
    except FormatError as error:
        raise error.retold(f"{package.name} {package.version}: {error}") from error


def _is_sound(relation: Relation) -> bool:
    """Return whether a bound on a version is one; what cannot be compared neither excludes nor provides anything."""
    try:
        return not relation.version or bool(deb_version.key(relation.version))
    except FormatError:
        return False
