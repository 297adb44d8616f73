"""What a lock says of an environment of debs or rpms: its members by repository, and how these rank. Pure."""

from __future__ import annotations

from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment
from cudepot.catalog.solution.graph import by_place
from cudepot.errors import ConfigError


def of_kind(lock: Lock, name: str, kind: str) -> LockedEnvironment:
    """Return an environment of a lock as far as one kind of packages goes; raise ConfigError where there is none."""
    if found := lock.environment(name, kind):
        return found
    there = ", ".join(one.name for one in lock.environments if one.kind == kind)
    if others := [one.kind for one in lock.environments if one.name == name]:
        raise ConfigError(
            f"environment {name!r} has no packages of {kind}",
            hint=f"what it has is of {', '.join(others)}: `cudepot client --help` lists what is written for each",
        )
    raise ConfigError(
        f"the site has no environment {name!r} with such packages",
        hint=f"it has {there or 'none'}: run `cudepot lock`, `cudepot sync` and `cudepot publish`",
    )


def members_by_upstream(lock: Lock, environment: LockedEnvironment) -> dict[str, list[Artifact]]:
    """Return upstream → the files that an environment has of it, upstreams in the order of the lock."""
    artifacts, found = by_place(lock.artifacts), dict[str, list[Artifact]]()
    for upstream, filename in environment.places:
        if one := artifacts.get((upstream, filename)):
            found.setdefault(upstream, []).append(one)
    order = [one.name for one in lock.upstreams]
    return {name: found[name] for name in sorted(found, key=order.index)}


def priorities_of(environment: LockedEnvironment) -> dict[str, int]:
    """Return upstream → its priority, of those for which one was given."""
    words = (word for target in environment.targets for word in dict(target.fields).get("priorities", "").split())
    found = (word.rpartition("=") for word in words)
    return {name: int(number) for name, _, number in found if number.lstrip("-").isdecimal()}
