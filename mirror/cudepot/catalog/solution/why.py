"""Why a package is locked: which pins ask for it, and which environments, over whom. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from cudepot.catalog.lock import ENVIRONMENT, Lock, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.graph import Graph
from cudepot.errors import PinError

GraphOf = Callable[[LockedEnvironment, LockedTarget], Graph]
"""Gives who needs whom in a target."""
_NAMED = 8
_JOINTS = re.compile(r"[-_.]+")


class Way(NamedTuple):
    """How a package came into targets of an environment.

    Attributes:
        environment: its name.
        targets: where it came in so.
        version: which one.
        chain: what was asked for, what that needs, and so on, down to the package; each as ``NAME VERSION``.
        everywhere: whether it came in so in every target.
    """

    environment: str
    targets: tuple[str, ...]
    version: str
    chain: tuple[str, ...]
    everywhere: bool = False


class Pinned(NamedTuple):
    """A package that an upstream's pins ask for: ``pin``, or the packages that need it."""

    upstream: str
    version: str
    why: str


class Why(NamedTuple):
    """All reasons for which packages of one name are locked; there is at least one."""

    name: str
    ways: tuple[Way, ...]
    pins: tuple[Pinned, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that are locked."""
        found = [one.version for one in self.pins] + [one.version for one in self.ways]
        return tuple(dict.fromkeys(found))


def why(lock: Lock, name: str, graph: GraphOf) -> Why:
    """Return why a package is locked.

    Args:
        lock: cudepot.lock.
        name: of the package; other spellings of it will do where nothing is called just so.
        graph: gives who needs whom.

    Raises:
        PinError: nothing of that name is locked; the hint has names that are near.
    """
    called = _called(name, lock)
    ways = tuple(way for one in lock.environments for way in _merged(_ways(one, called, graph), len(one.targets)))
    pins = dict.fromkeys(
        Pinned(one.upstream, one.version, one.why)
        for one in lock.artifacts
        if one.name in called and one.why != ENVIRONMENT
    )
    return Why(sorted(called)[0], ways, tuple(pins))


def has(lock: Lock, name: str, version: str = "") -> bool:
    """Return whether a lock has a package of that name, in that version if one is given."""
    return any(one.name == name and version in ("", one.version) for one in lock.artifacts)


def _called(name: str, lock: Lock) -> set[str]:
    names = {one.name for one in lock.artifacts}
    found = {name} & names or {one for one in names if _plain(one) == _plain(name)}
    if not found:
        near = get_close_matches(name, sorted(names), n=3)
        raise PinError(
            f"nothing named {name!r} is locked",
            hint=f"did you mean {', '.join(near)}?" if near else _there(lock),
        )
    return found


def _there(lock: Lock) -> str:
    if lock.environments:
        return "`cudepot tree` lists what environments hold"
    names = sorted({one.name for one in lock.artifacts})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"locked: {', '.join(names[:_NAMED])}{more}" if names else "nothing is locked: run `cudepot lock`"


def _plain(name: str) -> str:
    return _JOINTS.sub("-", name).lower()


def _ways(environment: LockedEnvironment, called: set[str], graph: GraphOf) -> Iterator[Way]:
    for target in environment.targets:
        found = graph(environment, target)
        for name in sorted(called & found.files.keys()):
            for chain in found.chains(name) or ((name,),):
                told = tuple(f"{one} {found.version(one)}" for one in chain)
                yield Way(environment.name, (target.name,), found.version(name), told)


def _merged(ways: Iterable[Way], every: int) -> Iterator[Way]:
    """Give ways that are the same in several of ``every`` targets once."""
    targets: dict[Way, list[str]] = {}
    for one in ways:
        targets.setdefault(one._replace(targets=()), []).extend(one.targets)
    for way, names in targets.items():
        yield way._replace(targets=tuple(names), everywhere=len(names) == every)
