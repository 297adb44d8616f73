"""The pinned part of an apt repository: verified indexes → selected packages → artifacts, every one by sha256."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.closure import select
from cudepot.catalog.config import Pin
from cudepot.catalog.deb_pins import deb_pins, pin_finder
from cudepot.catalog.lock import Artifact, LockedUpstream, check_filenames
from cudepot.catalog.release_names import with_recipe
from cudepot.formats.apt import Package, PackageIndex
from cudepot.workflows.apt_chain import Chain, Suite
from cudepot.workflows.depot import Depot
from cudepot.workflows.known import Known


def subset(
    depot: Depot, chain: Chain, suites: list[Suite], locked: LockedUpstream, before: Sequence[Artifact]
) -> tuple[LockedUpstream, tuple[Artifact, ...]]:
    """Return the pinned packages with what they need, in the order of the upstream's index.

    Args:
        depot: the depot.
        chain: the way to the upstream's indexes.
        suites: its verified roots.
        locked: what is noted of the upstream so far.
        before: what was locked of it before: bytes that are known need not be fetched to learn their sha256.

    Raises:
        PinError: a pin or a dependency cannot be had.
    """
    upstream, pins = chain.upstream, depot.pins_of(chain.upstream)
    index = PackageIndex(b"\n\n".join(chain.index_texts(suites)), upstream.url or upstream.path)
    wanted = [one for pin in pins for one in deb_pins(pin)]
    selection = select(index, wanted, upstream.architectures, upstream.boundary)
    # in the order of the upstream's index, which can matter to apt
    chosen = sorted(selection.chosen.values(), key=lambda one: index.order(one[0]))
    known, pin_of = Known(depot, chain.source, before), pin_finder(pins)
    known.learn(upstream.name, [(one.filename, one.promised) for one, _ in chosen])
    artifacts = tuple(_artifact(upstream.name, known, pin_of(package), package, why) for package, why in chosen)
    check_filenames(artifacts)
    return replace(locked, external=tuple(sorted(selection.external))), artifacts


def _artifact(upstream: str, known: Known, pin: Pin | None, package: Package, why: str) -> Artifact:
    artifact = Artifact(
        upstream,
        "deb",
        package.name,
        package.version,
        package.architecture,
        package.filename,
        package.filename.rpartition("/")[2],
        known.digest(package.filename, package.promised),
        why,
        pin.outputs if pin else ("mirror",),
    )
    return with_recipe(artifact, pin) if pin else artifact
