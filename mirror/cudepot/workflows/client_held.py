"""The packages that clients of some repositories are held to: what was chosen, and what that names exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.client_choice import chosen, several, variants, warning
from cudepot.catalog.export_choice import Choice
from cudepot.catalog.holdings import held_package
from cudepot.catalog.lock import Artifact, Lock
from cudepot.errors import PinError
from cudepot.workflows.depot import Depot

Named = Callable[[Artifact, Sequence[Artifact]], set[tuple[str, str]]]
"""Tells name and version of everything a package requires in exactly one version, given all beside it."""


class Hold(NamedTuple):
    """What the clients of one distribution are held to.

    Attributes:
        packages: upstream → its packages.
        several: package → versions, where one machine is allowed more than one.
        cudas: the CUDAs of these, where there is one to choose.
    """

    packages: Mapping[str, Sequence[Artifact]]
    several: Mapping[str, Sequence[str]]
    cudas: Sequence[str]

    def warn(self, depot: Depot, where: str) -> None:
        """Tell of each package that an upgrade would move to another version."""
        for name, versions in self.several.items():
            depot.progress.say(f"{where}: {warning(name, versions, self.cudas)}")


def hold(lock: Lock, names: Sequence[str], kind: str, choice: Choice, named: Named) -> Hold:
    """Return what clients of some upstreams' repositories are held to.

    Args:
        lock: of the snapshot that is shown.
        names: the upstreams.
        kind: ``deb`` or ``rpm``.
        choice: what of the pins is meant.
        named: tells what a package requires exactly.

    Raises:
        PinError: the choice is about nothing that is there.
    """
    published = {name: published_of(lock, name, kind) for name in names}
    roots = _chosen(names, [one for packages in published.values() for one in packages], choice)
    packages = {name: _held(several, roots, named) for name, several in published.items()}
    every = [held_package(one) for held in packages.values() for one in held]
    rivals = several(every)
    return Hold(packages, rivals, variants(rivals, every))


def published_of(lock: Lock, name: str, kind: str) -> list[Artifact]:
    """Return the packages of an upstream that are on the site as they are."""
    return [one for one in lock.of(name) if one.kind == kind and "mirror" in one.outputs]


def _chosen(names: Sequence[str], published: Sequence[Artifact], choice: Choice) -> frozenset[Artifact]:
    try:
        return chosen(published, choice)
    except PinError as error:
        raise error.retold(f"{', '.join(names)}: {error}") from error


def _held(packages: Sequence[Artifact], roots: Iterable[Artifact], named: Named) -> list[Artifact]:
    """Return those of the packages that are roots, and what they name by exact version, down the whole chain.

    Other dependencies are the distribution's to update: who pins a tool does not mean to hold libc6.
    """
    wanted, found = set(roots), set[Artifact]()
    waiting = [one for one in packages if one in wanted]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            exactly = named(one, packages)
            waiting += [other for other in packages if (other.name, other.version) in exactly]
    return [one for one in packages if one in found]


def versions(packages: Sequence[Artifact]) -> dict[str, list[str]]:
    """Return the versions of packages by name."""
    found: dict[str, list[str]] = {}
    for one in packages:
        found.setdefault(one.name, []).append(one.version)
    return found
