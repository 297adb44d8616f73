"""The packages that clients of some repositories are held to: what was chosen, and what that names exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.holdings import held_package
from cudepot.catalog.site.snapshot import Tree
from cudepot.errors import PinError
from cudepot.kinds.rules.client_choice import chosen, several, variants, warning, within
from cudepot.ports import Progress

Named = Callable[[Artifact, Sequence[Artifact]], set[tuple[str, str]]]
"""Tells name and version of everything a package requires in exactly one version, given all beside it."""


class Hold(NamedTuple):
    """What the clients of one distribution are held to.

    Attributes:
        packages: upstream → its packages.
        several: package → versions, where one machine is allowed more than one.
        cudas: the CUDAs of these, where there is one to choose.
        within: upstream mirrored whole → package → globs over the versions it stays within.
    """

    packages: Mapping[str, Sequence[Artifact]]
    several: Mapping[str, Sequence[str]]
    cudas: Sequence[str]
    within: Mapping[str, Mapping[str, Sequence[str]]]

    def versions(self, upstream: str) -> dict[str, Sequence[str]]:
        """Return the versions, or globs, of an upstream's packages by name."""
        return {**_versions(self.packages[upstream]), **self.within.get(upstream, {})}

    def warn(self, progress: Progress, where: str) -> None:
        """Tell of each package that an upgrade would move to another version."""
        for name, versions in self.several.items():
            progress.say(f"{where}: {warning(name, versions, self.cudas)}")


class Place(NamedTuple):
    """Where repositories are on the site, and the kind of artifact in them."""

    folder: str
    kind: str


def hold(lock: Lock, tree: Tree, names: Sequence[str], place: Place, choice: Choice, named: Named) -> Hold:
    """Return what clients of some upstreams' repositories are held to.

    Args:
        lock: of the snapshot that is shown.
        tree: its files.
        names: the upstreams.
        place: where repositories of that sort are.
        choice: what is meant of the pins; of a repository mirrored whole, its CUDA.
        named: tells what a package requires exactly.

    Raises:
        PinError: the choice is about nothing that is there.
    """
    published = {name: published_of(lock, name, place.kind) for name in names}
    every = [one for packages in published.values() for one in packages]
    whole = [name for name in names if not published[name]]
    try:
        globs = {} if choice.only else _within(tree, whole, place, choice.cuda)
        roots = chosen(every, choice) if every or not globs else frozenset()
    except PinError as error:
        raise error.retold(f"{', '.join(names)}: {error}") from error
    packages = {name: _held(own, roots, named) for name, own in published.items()}
    held = [held_package(one) for own in packages.values() for one in own]
    rivals = several(held)
    return Hold(packages, rivals, variants(rivals, held), globs)


def _within(tree: Tree, whole: Sequence[str], place: Place, cuda: str) -> dict[str, dict[str, list[str]]]:
    """Return upstream → package → globs, for repositories mirrored whole, where a CUDA is asked for."""
    paths = {name: [path for path in tree if path.startswith(f"{place.folder}/{name}/")] for name in whole if cuda}
    return {name: within(found, place.kind, cuda) for name, found in paths.items()}


def published_of(lock: Lock, name: str, kind: str) -> list[Artifact]:
    """Return the packages of an upstream that are on the site as they are."""
    return [one for one in lock.of(name) if one.kind == kind and one.is_mirrored]


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


def _versions(packages: Sequence[Artifact]) -> dict[str, list[str]]:
    """Return the versions of packages by name."""
    found: dict[str, list[str]] = {}
    for one in packages:
        found.setdefault(one.name, []).append(one.version)
    return found


def url_of(config: Config, name: str) -> str:
    """Return the URL of an upstream; empty where the project has no such upstream, or it is an installer."""
    return next((one.url for one in config.upstreams if one.name == name), "")
