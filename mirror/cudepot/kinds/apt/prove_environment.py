"""Proves an environment of debs: all that clients see of the finished repositories is enough to install it.

What they see are its members (ADR 0052): of the indexes of its upstreams the stanzas of these, each with the bytes
that are locked. From them alone everything that was asked for can be installed, with what was there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cudepot.catalog.ecosystems import APT
from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.catalog.locked_environments import render_environments
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, verdict
from cudepot.errors import FormatError, PinError
from cudepot.formats.apt import Package
from cudepot.kinds.apt.rules.environment_text import index_of
from cudepot.kinds.apt.rules.suite import suite_of
from cudepot.kinds.apt.solve_target import deep
from cudepot.store.local import LocalStore

_METHOD = 2
"""Raised whenever the proof asks for more or less than it did."""
_SHOWN = 5


def prove(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
    """Return a line for each thing that clients of the site would not get as it is locked; what is known is remembered.

    Args:
        store: has what the tree shows.
        environment: as it is locked.
        tree: the finished tree.

    Raises:
        StorageError: the store lacks an index.
    """
    places = environment.places
    indexes = [_index(name) for name in dict.fromkeys(upstream for upstream, _ in places)]
    suite = f"{suite_of(environment.name)}/"
    seen = [*indexes, *(_path(*one) for one in places), *sorted(path for path in tree if path.startswith(suite))]
    grounds = [_METHOD, render_environments([environment])]
    grounds += [[path, tree[path].sha256 if path in tree else ""] for path in seen]

    def judged() -> Verdict:
        return Verdict(tuple(Unsolvable(environment.name, one, "") for one in _differences(store, environment, tree)))

    folder = index_of(environment.name).rstrip("/")
    return tuple(one.package for one in verdict(store, folder, grounds, judged).unsolvable)


def _index(upstream: str) -> str:
    return f"{APT.folder(upstream)}Packages"


def _path(upstream: str, filename: str) -> str:
    return APT.folder(upstream) + filename


_Stanzas = Mapping[str, tuple[bytes, Package]]
"""File name → its stanza in the index of one upstream."""


def _differences(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> Iterator[str]:
    from cudepot.kinds.apt.suite import suite_faults  # noqa: PLC0415

    found: dict[str, _Stanzas] = {}
    for name in dict.fromkeys(upstream for upstream, _ in environment.places):
        if _index(name) not in tree:
            yield f"{_index(name)} is not on the site"
        else:
            found[name] = _stanzas(store.read(tree[_index(name)]), _index(name))
    strange = list(_strange(environment, found, tree)) or list(_rivals(environment, found))
    yield from strange
    if not strange:
        yield from suite_faults(store, environment, tree)
        for target in environment.targets:
            yield from (f"{target.name}: {one}" for one in _unmet(environment, target, found))


def _stanzas(text: bytes, what: str) -> _Stanzas:
    from cudepot.formats.apt import parse_package  # noqa: PLC0415 - what is remembered is not read again
    from cudepot.formats.deb822 import split  # noqa: PLC0415

    every = ((raw, parse_package(raw, what)) for raw in split(text) if raw.strip())
    return {package.filename: (raw, package) for raw, package in every}


def _strange(environment: LockedEnvironment, found: Mapping[str, _Stanzas], tree: Tree) -> Iterator[str]:
    """Give a line for each member that its index does not have with the bytes that are on the site."""
    for upstream, filename in environment.places:
        stanza, shown = found.get(upstream, {}).get(filename), tree.get(_path(upstream, filename))
        if stanza is None:
            yield f"{_index(upstream)} does not have {filename}"
        elif shown is None or stanza[1].promised != shown:
            yield f"{_index(upstream)} has {filename} with different content from the site's"


def _rivals(environment: LockedEnvironment, found: Mapping[str, _Stanzas]) -> Iterator[str]:
    """Give a line for each member that another upstream of it has with other bytes: a version tells apt no more."""
    members = ((upstream, found[upstream][filename][1]) for upstream, filename in environment.places)
    of = {(one.name, one.version, one.architecture): (upstream, one) for upstream, one in members}
    for upstream, stanzas in found.items():
        for _, one in stanzas.values():
            owner, mine = of.get((one.name, one.version, one.architecture), ("", one))
            if owner and owner != upstream and mine.promised != one.promised:
                yield f"{one.name} {one.version} differs between {upstream} and {owner}: clients may install either"


def _unmet(environment: LockedEnvironment, target: LockedTarget, found: Mapping[str, _Stanzas]) -> Iterator[str]:
    """Give a line for each thing that cannot be installed from the members of a target alone."""
    from cudepot.kinds.apt.rules.closed import closed  # noqa: PLC0415

    mine: dict[str, list[bytes]] = {}
    for upstream, filename, _ in target.members:
        mine.setdefault(upstream, []).append(found[upstream][filename][0])
    indexes = {_index(name): b"\n\n".join(raws) for name, raws in mine.items()}
    try:
        with deep():
            lacking = closed(environment, target, indexes)
    except (PinError, FormatError) as error:
        yield " ".join(str(error).split())
        return
    yield from lacking[:_SHOWN]
