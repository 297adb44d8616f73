"""Resolve pins against an apt repository: verified root → index by hash → selected packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import LockedUpstream, Resolved
from cudepot.depot.request import request_hash
from cudepot.depot.upstream_session import Asked
from cudepot.kinds.apt.chain import Chain, Suite
from cudepot.kinds.apt.indexes import whole_files
from cudepot.kinds.apt.oddities import look_at
from cudepot.kinds.apt.rules.settings import apt_settings
from cudepot.kinds.apt.subset import subset
from cudepot.kinds.mirror import mirrored, with_extras
from cudepot.kinds.unchanged import locked_dates


def resolve_apt(
    asked: Asked,
    before: Resolved | None,
    *,
    rollback: bool,
    accepted: Sequence[str] = (),
) -> Resolved:
    """Return what the pins of an apt upstream mean now; ``before`` unchanged when its roots are the same.

    ``accepted`` names packages of a whole mirror whose bytes may differ from those locked.

    Raises:
        UpstreamError: not reachable or inconsistent.
        TrustError: a signature, hash or date does not hold.
        PinError: a pin or a dependency is not available.
    """
    depot, upstream = asked.depot, asked.upstream
    chain = Chain(depot, upstream, asked.source, asked.memory, asked.findings)
    dates = locked_dates(before[0] if before else None)
    suites = [chain.suite(suite, dates, rollback=rollback) for suite in apt_settings(upstream).suites]
    chain.memory.save()
    locked = locked_from(depot.config, upstream, suites)
    if before and not asked.findings.again and _as_seen(before[0]) == locked:
        return with_extras(chain, before[0], accepted), before[1]
    if upstream.whole:
        locked = mirrored(depot, replace(locked, files=whole_files(chain, suites)), before, accepted, upstream.url)
        odd = look_at(depot.store, locked)
        locked = replace(locked, spelled=tuple(dict.fromkeys(odd.spelled)))
        asked.findings.notes += odd.notes or ([] if odd.packages else [f"{locked.name}: its indexes list no package"])
    if not depot.config.pins_of(upstream):
        return locked, ()
    return subset(depot, chain, suites, locked, before[1] if before else ())


def _as_seen(locked: LockedUpstream) -> LockedUpstream:
    """Return what is noted of an upstream before anything but its roots is read."""
    return replace(locked, external=(), files=(), replaced=(), spelled=())


def locked_from(config: Config, upstream: Upstream, suites: list[Suite]) -> LockedUpstream:
    """Return what is noted of an apt upstream: its roots, and the fields that clients' pin files name."""
    first = suites[0].release.fields
    return LockedUpstream(
        upstream.name,
        upstream.type,
        upstream.url,
        request_hash(upstream, config.pins_of(upstream)),
        tuple(one.root for one in suites),
        origin=first.get("Origin", ""),
        label=first.get("Label", ""),
        suite=first.get("Suite", ""),
        codename=first.get("Codename", ""),
    )
