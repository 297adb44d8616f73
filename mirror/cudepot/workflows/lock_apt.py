"""Resolve pins against an apt repository: verified root → index by hash → selected packages."""

from __future__ import annotations

from dataclasses import replace

from cudepot.catalog.closure import DebPin, Selection, select
from cudepot.catalog.config import Pin, Upstream
from cudepot.catalog.lock import Artifact, LockedUpstream, with_recipe
from cudepot.formats.apt import Package, PackageIndex
from cudepot.workflows.apt_chain import Chain, Suite
from cudepot.workflows.depot import Depot, RootMemory, request_hash
from cudepot.workflows.lock_whole import whole_files
from cudepot.workflows.whole import read_whole


def resolve_apt(
    depot: Depot, upstream: Upstream, before: tuple[LockedUpstream, tuple[Artifact, ...]] | None, *, rollback: bool
) -> tuple[LockedUpstream, tuple[Artifact, ...]]:
    """Return what the pins of an apt upstream mean now; ``before`` unchanged when its roots are the same.

    Raises:
        UpstreamError: not reachable or inconsistent.
        TrustError: a signature, hash or date does not hold.
        PinError: a pin or a dependency cannot be had.
    """
    chain = Chain(depot, upstream, depot.source(upstream), RootMemory.load(depot.store, upstream))
    dates = {one.path: one.date for one in before[0].roots} if before else {}
    suites = [chain.suite(suite, dates, rollback=rollback) for suite in upstream.suites]
    chain.memory.save(depot.store)
    locked = _locked(depot, upstream, suites)
    if before and replace(before[0], external=(), files=()) == locked:
        return before
    if upstream.whole:
        locked = replace(locked, files=whole_files(chain, suites[0]))
        read_whole(depot, locked)  # an index that cannot be mirrored is not locked
    if not depot.pins_of(upstream):
        return locked, ()
    index = PackageIndex(b"\n\n".join(chain.index_texts(suites)), upstream.url)
    pins = depot.pins_of(upstream)
    wanted = [DebPin.parse(text) for pin in pins for text in pin.packages]
    selection = select(index, wanted, upstream.architectures)
    artifacts = _artifacts(upstream, pins, index, selection)
    return replace(locked, external=tuple(sorted(selection.external))), artifacts


def _locked(depot: Depot, upstream: Upstream, suites: list[Suite]) -> LockedUpstream:
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


def _artifacts(
    upstream: Upstream, pins: tuple[Pin, ...], index: PackageIndex, selection: Selection
) -> tuple[Artifact, ...]:
    """Return the chosen packages in the order of the upstream's index, which can matter to apt."""
    chosen = sorted(selection.chosen.values(), key=lambda one: index.order(one[0]))
    return tuple(_artifact(upstream, _pin_of(pins, package), package, why) for package, why in chosen)


def _pin_of(pins: tuple[Pin, ...], package: Package) -> Pin | None:
    """Return the pin that speaks of a package in its version, one with a recipe first."""
    named = [pin for pin in pins if any(DebPin.parse(text).means(package) for text in pin.packages)]
    return next((pin for pin in named if pin.recipe), named[0] if named else None)


def _artifact(upstream: Upstream, pin: Pin | None, package: Package, why: str) -> Artifact:
    artifact = Artifact(
        upstream.name,
        "deb",
        package.name,
        package.version,
        package.architecture,
        package.filename,
        package.filename.rpartition("/")[2],
        package.digest,
        why,
        pin.outputs if pin else ("mirror",),
    )
    return with_recipe(artifact, pin) if pin else artifact
