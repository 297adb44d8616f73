"""The pinned part of an apt repository: verified indexes → selected packages → artifacts, every one by sha256."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.config.config import Pin
from cudepot.catalog.ecosystems import ArtifactKind, Output
from cudepot.catalog.lock import Artifact, LockedUpstream, Resolved, check_filenames
from cudepot.catalog.nvidia.release_names import with_recipe
from cudepot.depot.depot import Depot
from cudepot.depot.learn_digests import Known
from cudepot.digest import hash_of
from cudepot.errors import PinError
from cudepot.formats.apt import Package
from cudepot.formats.apt_odd import is_cut_short
from cudepot.kinds.apt.chain import Chain, Suite
from cudepot.kinds.apt.rules.closure import select
from cudepot.kinds.apt.rules.installable import Wishes
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.pins import deb_pins, pin_finder


def subset(
    depot: Depot, chain: Chain, suites: list[Suite], locked: LockedUpstream, before: Sequence[Artifact]
) -> Resolved:
    """Return the pinned packages with what they need, in the order of the upstream's index.

    Args:
        depot: the depot.
        chain: the way to the upstream's indexes.
        suites: its verified roots.
        locked: what is noted of the upstream so far.
        before: what was locked of it before: bytes that are known need not be fetched to learn their sha256.

    Raises:
        PinError: a pin matches nothing, or what it means is ambiguous.
    """
    upstream, pins = chain.upstream, depot.config.pins_of(chain.upstream)
    offers = chain.offers(suites)
    wishes = Wishes(upstream.name, deb_pins(pins), upstream.architectures, upstream.boundary)
    selection = select(offers, wishes)
    chain.findings.found += selection.findings
    chain.findings.notes += [f"{upstream.name}: {one}" for one in selection.notes]
    chain.findings.complete = True
    # in the order of the upstream's index, which can matter to apt
    chosen = sorted(selection.chosen.values(), key=lambda one: offers.order(one[0]))
    _check_twins(offers, [one for one, _ in chosen])
    chain.findings.notes += [f"{upstream.name}: {one}" for one in _rivals(offers, [one for one, _ in chosen])]
    chain.findings.notes += [f"{upstream.name}: {one}" for one in _unquoted([one for one, _ in chosen])]
    known, pin_of = Known(depot.store, depot.progress, chain.source, before), pin_finder(pins)
    known.learn(upstream.name, [(one.filename, one.promised) for one, _ in chosen])
    artifacts = tuple(artifact_of(upstream.name, known, pin_of(package), package, why) for package, why in chosen)
    check_filenames(artifacts)
    return replace(locked, external=tuple(sorted(selection.external))), artifacts


def _check_twins(offers: Offers, chosen: Sequence[Package]) -> None:
    """Refuse a package that two suites or components have with other bytes: one repository cannot publish both."""
    for one in chosen:
        if indexes := offers.twin(one):
            raise PinError(
                f"{one.name} {one.version} ({one.architecture}) differs between {indexes[1]} and {indexes[0]}",
                hint="make each suite (or component) an upstream of its own in cudepot.toml, with its own pins",
            )


def _rivals(offers: Offers, chosen: Sequence[Package]) -> list[str]:
    """Return a line for each package that an index has twice with other bytes: the last is taken, apt may take either.

    NVIDIA's indexes are append-only, so the last is the repost; whoever pinned the first wants to know of it.
    """
    found = [(one, other) for one in chosen if (other := offers.rival(one))]
    return [
        f"{one.name} {one.version} {one.architecture} appears twice in the index with different content: "
        f"{hash_of(other.promised)[:12]}… and {hash_of(one.promised)[:12]}…(chosen); ask the upstream why"
        for one, other in found
    ]


def _unquoted(chosen: Sequence[Package]) -> list[str]:
    """Return a line for each package that apt cannot ask a web server for by its name."""
    return [
        f"{one.name} {one.version} has ? or # in its file name, which apt truncates there: {_filename(one)}"
        for one in chosen
        if is_cut_short(_filename(one))
    ]


def _filename(package: Package) -> str:
    """Return the name a package is published under: its own, or dpkg's name for it where it has no ending."""
    name = package.filename.rpartition("/")[2]
    version = package.version.rpartition(":")[2]
    return name if name.endswith(".deb") else f"{package.name}_{version}_{package.architecture}.deb"


def artifact_of(upstream: str, known: Known, pin: Pin | None, package: Package, why: str) -> Artifact:
    """Return a package as it is locked; ``pin`` is the one that asks for it, if any."""
    artifact = Artifact(
        upstream,
        ArtifactKind.DEB,
        package.name,
        package.version,
        package.architecture,
        package.filename,
        _filename(package),
        known.digest(package.filename, package.promised),
        why,
        pin.outputs if pin else (Output.MIRROR,),
    )
    return with_recipe(artifact, pin) if pin else artifact
