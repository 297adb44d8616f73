"""Resolve pins against an apt repository: verified root → index by hash → selected packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.config_upstream import Upstream
from cudepot.catalog.drift import replaced
from cudepot.catalog.lock import Artifact, LockedUpstream
from cudepot.workflows.apt_chain import Chain, Suite
from cudepot.workflows.depot import Depot, RootMemory, request_hash
from cudepot.workflows.lock_whole import extras, whole_files
from cudepot.workflows.stands import stands
from cudepot.workflows.subset import subset
from cudepot.workflows.whole import read_whole


def resolve_apt(
    depot: Depot,
    upstream: Upstream,
    before: tuple[LockedUpstream, tuple[Artifact, ...]] | None,
    *,
    rollback: bool,
    accepted: Sequence[str] = (),
) -> tuple[LockedUpstream, tuple[Artifact, ...]]:
    """Return what the pins of an apt upstream mean now; ``before`` unchanged when its roots are the same.

    ``accepted`` names packages of a whole mirror whose bytes may differ from those locked.

    Raises:
        UpstreamError: not reachable or inconsistent.
        TrustError: a signature, hash or date does not hold.
        PinError: a pin or a dependency cannot be had.
    """
    chain = Chain(depot, upstream, depot.source(upstream), RootMemory.load(depot.store, upstream))
    if before and stands(chain, before[0]):
        return before
    dates = {one.path: one.date for one in before[0].roots} if before else {}
    suites = [chain.suite(suite, dates, rollback=rollback) for suite in upstream.suites]
    chain.memory.save(depot.store)
    locked = locked_from(depot, upstream, suites)
    if before and replace(before[0], external=(), files=(), replaced=()) == locked:
        return _with_extras(chain, before[0], accepted), before[1]
    if upstream.whole:
        locked = _checked(depot, replace(locked, files=whole_files(chain, suites)), before, accepted, upstream.url)
    if not depot.pins_of(upstream):
        return locked, ()
    return subset(depot, chain, suites, locked, before[1] if before else ())


def _with_extras(chain: Chain, locked: LockedUpstream, accepted: Sequence[str]) -> LockedUpstream:
    """Return what is locked of a whole mirror with the files beside its indexes as they are now."""
    if not chain.upstream.extras:
        return locked
    files = (*(one for one in locked.files if one.role != "extra"), *extras(chain))
    chain.memory.save(chain.depot.store)
    if files == locked.files:
        return locked
    return _checked(chain.depot, replace(locked, files=files), (locked, ()), accepted, chain.upstream.url)


def _checked(
    depot: Depot,
    locked: LockedUpstream,
    before: tuple[LockedUpstream, tuple[Artifact, ...]] | None,
    accepted: Sequence[str],
    url: str,
) -> LockedUpstream:
    """Refuse a whole mirror that cannot be had as it is, or that has other bytes under names that are locked."""
    now = read_whole(depot, locked)
    if before is None or not before[0].files or not all(depot.store.has(one.digest) for one in before[0].files):
        return locked
    old = read_whole(depot, before[0])
    return replace(locked, replaced=replaced(old.tree, now.tree, before[0].replaced, accepted, url))


def locked_from(depot: Depot, upstream: Upstream, suites: list[Suite]) -> LockedUpstream:
    """Return what is noted of an apt upstream: its roots, and the fields that clients' pin files name."""
    first = suites[0].release.fields
    return LockedUpstream(
        upstream.name,
        upstream.type,
        upstream.url,
        request_hash(upstream, depot.pins_of(upstream)),
        tuple(one.root for one in suites),
        origin=first.get("Origin", ""),
        label=first.get("Label", ""),
        suite=first.get("Suite", ""),
        codename=first.get("Codename", ""),
    )
