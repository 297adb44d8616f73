"""What is published of environments: as the lock has them, once clients of the finished tree are proved to get that.

One that cannot be proved stays as it was published last, with all its files; one that never was is left out. Its files
that no pin and no other environment asks for go with it, and nothing else is touched. An upstream's own repository,
which pins and several environments share, is made again when files of environments come to it or go (ADR 0052).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cudepot.catalog.ecosystems import row_for
from cudepot.catalog.lock import ENVIRONMENT, Artifact, Lock, LockedEnvironment
from cudepot.catalog.lock_parts import joined
from cudepot.catalog.solution.graph import by_place
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.builds import Built
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.depot.locked import environment_fault_name
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, UnsolvableError
from cudepot.kinds.registry import solves_of
from cudepot.workflows.publish.channels import channels
from cudepot.workflows.publish.from_site import from_site
from cudepot.workflows.publish.parts import Earlier, Held, Part, as_before, made_again

Tree = dict[str, Digest]
_SHOWN = 3


def with_environments(
    depot: Depot, lock: Lock, parts: dict[str, Part], general: Sequence[Built], earlier: Earlier, held: Sequence[Held]
) -> tuple[Lock, Tree, list[Held], list[Unsolvable]]:
    """Return the lock with the environments that are shown, and the shared parts of the tree, as `channels` does.

    Args:
        depot: the depot.
        lock: what is to be published.
        parts: by upstream; files of environments come into them and go from them.
        general: packages that are no upstream's.
        earlier: what was published before.
        held: upstreams that are not published as the lock says.
    """
    troubles: dict[str, Held] = {}
    kept: set[LockedEnvironment] = set()
    made = dict(parts)
    while True:
        _drop_strays(parts, lock.environments)
        _make_again(depot, parts, made, earlier)
        tree, more, allowed = channels(depot, lock, parts, general, earlier)
        troubles = {one.name: one for one in more} | troubles
        why = {one.name: one.error for one in held} | {name: one.error for name, one in troubles.items()}
        whole = {path: one for part in parts.values() for path, one in part.tree.items()} | tree
        failed = dict(_failed(depot, lock, parts, whole, kept, why))
        if not failed:
            return lock, tree, list(troubles.values()), allowed
        for one, error in failed.items():
            last = None
            with depot.isolation.each(place(one), lambda _: None):  # why it is held is told, not why it cannot be kept
                last = None if one in kept else _as_before(depot, one, parts, earlier)
            lock = replace(lock, environments=tuple(_swapped(lock.environments, one, last)))
            kept |= {last} if last else set()
            name = place(one)
            troubles[name] = Held(name, troubles[name].error if name in troubles else error, last is not None)


def _make_again(depot: Depot, parts: dict[str, Part], made: dict[str, Part], earlier: Earlier) -> None:
    """Make the repositories of parts whose files are not those they were ``made`` of.

    What cannot be made stays as made, or as it was published last: its upstream may be out of cudepot.toml by now.
    """
    for name, part in list(parts.items()):
        before = made.get(name)
        if before is part or (before and _own(before) == _own(part)):
            continue
        found: list[Trouble] = []
        with depot.isolation.each(name, found.append):
            parts[name] = made[name] = made_again(depot, part, earlier)
        if found and before:
            parts[name] = before
        elif found and (last := as_before(depot, name, earlier)):
            parts[name] = made[name] = last
        elif found:
            del parts[name]


def _own(part: Part) -> list[Artifact]:
    """Return the files of an upstream's own repositories; those of shared ones are indexed elsewhere."""
    return [one for one in part.lock.artifacts if row_for(one.kind).per_upstream]


def place(environment: LockedEnvironment) -> str:
    """Return what an environment is called where upstreams and channels are told."""
    return environment_fault_name(environment.name)


def _swapped(
    every: Sequence[LockedEnvironment], one: LockedEnvironment, other: LockedEnvironment | None
) -> Iterator[LockedEnvironment]:
    for each in every:
        if each != one:
            yield each
        elif other:
            yield other


def _drop_strays(parts: dict[str, Part], environments: Sequence[LockedEnvironment]) -> None:
    """Take out of the parts what no pin asks for, and no environment that is shown."""
    members = set().union(*(one.places for one in environments))
    for name, part in list(parts.items()):
        every = part.lock.artifacts
        wanted = tuple(one for one in every if one.why != ENVIRONMENT or (one.upstream, one.filename) in members)
        if len(wanted) < len(every):
            parts[name] = replace(part, lock=replace(part.lock, artifacts=wanted))


def _failed(
    depot: Depot,
    lock: Lock,
    parts: Mapping[str, Part],
    tree: Tree,
    kept: set[LockedEnvironment],
    why: Mapping[str, CudepotError],
) -> Iterator[tuple[LockedEnvironment, CudepotError]]:
    """Give the environments that cannot be shown so, and why."""
    there = by_place(joined([one.lock for one in parts.values()], lock).artifacts)
    for environment in lock.environments:
        name, found = place(environment), list[Trouble]()
        with depot.isolation.each(name, found.append):
            _check_there(environment, there, tree, why)
            if environment not in kept:
                depot.progress.step(f"proving that clients get {name} as locked")
                _check_proved(depot, environment, tree)
        yield from ((environment, one.error) for one in found)


def _check_there(
    environment: LockedEnvironment,
    there: Mapping[tuple[str, str], Artifact],
    tree: Tree,
    why: Mapping[str, CudepotError],
) -> None:
    for upstream, filename in environment.places:
        one = there.get((upstream, filename))
        if one and tree.get(one.site_path) == one.digest:
            continue
        if error := why.get(upstream):
            raise error.retold(f"{filename} of {upstream} is missing: {error}")
        raise ConfigError(
            f"{filename} of {upstream} would not be on the site",
            hint="run `cudepot lock` and `cudepot sync`",
        )


def _check_proved(depot: Depot, environment: LockedEnvironment, tree: Tree) -> None:
    found = solves_of(environment).prove(depot.store, environment, tree)
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UnsolvableError(
            f"clients of its index would not get the locked packages: {'; '.join(found[:_SHOWN])}{more}",
            hint="run `cudepot lock` and `cudepot sync`, then publish again",
        )


def _as_before(
    depot: Depot, environment: LockedEnvironment, parts: dict[str, Part], earlier: Earlier
) -> LockedEnvironment | None:
    """Return an environment as it was published last, its files put into the parts; None where that cannot be."""
    wanted = earlier.locked.environment(environment.name, environment.kind)
    if not wanted:
        return None
    files = by_place(earlier.locked.artifacts)
    those = [files[one] for one in sorted(wanted.places) if one in files]
    if len(those) < len(wanted.places) or not all(_is_to_be_had(depot, one, parts, earlier) for one in those):
        return None
    for one in those:
        _put(parts, one, earlier)
    return wanted


def _is_to_be_had(depot: Depot, one: Artifact, parts: Mapping[str, Part], earlier: Earlier) -> bool:
    """Return whether a file can be shown as it was; what only the site has any more is brought back from it."""
    part = parts.get(one.upstream)
    if part and any(each.filename == one.filename and each.digest != one.digest for each in part.lock.artifacts):
        return False
    return depot.store.has(one.digest) or from_site(
        depot.store, depot.inspectable(), earlier.snapshots[0], one.site_path, one.digest
    )


def _put(parts: dict[str, Part], one: Artifact, earlier: Earlier) -> None:
    last = earlier.lock(one.upstream)
    part = parts.get(one.upstream) or Part(replace(last, artifacts=()))
    if all(each.filename != one.filename for each in part.lock.artifacts):
        lock = replace(part.lock, artifacts=(*part.lock.artifacts, replace(one, why=ENVIRONMENT)))
        parts[one.upstream] = replace(part, lock=_also_by(lock, last))


def _also_by(lock: Lock, last: Lock) -> Lock:
    """Return an upstream's part of a lock with the roots it had last: they lead to what newer ones no longer name."""
    upstreams = tuple(
        replace(
            one,
            roots=tuple(dict.fromkeys((*one.roots, *other.roots))),
            metadata=tuple(dict.fromkeys((*one.metadata, *other.metadata))),
        )
        for one, other in zip(lock.upstreams, last.upstreams, strict=True)
    )
    return replace(lock, upstreams=upstreams)
