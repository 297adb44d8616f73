"""What a lock notes of upstreams: what pins noted of them, and what the environments that have files of them did.

Everything of one run hangs from the same roots. What could not be resolved keeps the roots that it was locked from,
beside the newer ones of others: who checks the lock again finds all its packages below one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock, LockedEnvironment, LockedUpstream, Root
from cudepot.depot.environment_memory import Read, remembered
from cudepot.depot.request import request_hash
from cudepot.store.local import LocalStore


def noted(config: Config, pins: Lock, solved: Iterable[LockedUpstream], used: Iterable[str]) -> list[LockedUpstream]:
    """Return the upstreams of a lock in the order of cudepot.toml.

    Args:
        config: cudepot.toml.
        pins: the lock as far as pins go.
        solved: what is noted of environments; of upstreams whose files none of them has nothing is kept.
        used: names of upstreams that environments have files of.
    """
    found = {one.name: one for one in pins.upstreams}
    wanted = {*found, *used}
    for one in config.upstreams:
        if one.name in wanted and one.name not in found:
            found[one.name] = LockedUpstream(one.name, one.type, one.url, request_hash(one, config.pins_of(one)))
    for other in solved:
        if other.name in wanted:
            found[other.name] = _merged(found[other.name], other)
    return [found[one.name] for one in config.upstreams if one.name in wanted]


def _merged(one: LockedUpstream, other: LockedUpstream) -> LockedUpstream:
    """Return an upstream with the roots and the metadata of another look at it behind its own."""
    roots, metadata = dict.fromkeys((*one.roots, *other.roots)), dict.fromkeys((*one.metadata, *other.metadata))
    about = one if one.roots else replace(other, url=one.url, request=one.request, external=one.external)
    return replace(about, roots=tuple(roots), metadata=tuple(metadata))


def kept_upstreams(store: LocalStore, old: Lock, environments: Sequence[LockedEnvironment]) -> list[LockedUpstream]:
    """Return what is noted of the upstreams of environments that stay as they were, as far as these hang from it."""
    found: dict[str, LockedUpstream] = {}
    for environment in environments:
        read = remembered(store, environment, old.files_of(environment) or ())
        for name in dict.fromkeys(one for one, _ in environment.places):
            locked = old.upstream(name)
            if locked is not None and locked.roots:
                below = replace(locked, roots=_below(locked, read))
                found[name] = _merged(found[name], below) if name in found else below
    return list(found.values())


def _below(locked: LockedUpstream, read: Read | None) -> tuple[Root, ...]:
    """Return the roots that an environment was resolved from; all there are where that is not known any more."""
    known = {digest for (name, _), digest in (read or {}).items() if name == locked.name}
    return tuple(one for one in locked.roots if one.digest in known) or locked.roots
