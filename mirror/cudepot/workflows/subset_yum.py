"""The pinned part of a yum repository: verified metadata → chosen packages → artifacts, every one by sha256."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cudepot.catalog.config import Pin
from cudepot.catalog.lock import Artifact, LockedFile, LockedUpstream
from cudepot.catalog.name_globs import Globs
from cudepot.catalog.release_names import with_recipe
from cudepot.catalog.rpm_closure import Machine, RpmSelection, select_rpms
from cudepot.catalog.rpm_pins import Offer, RpmPin, rpm_pins
from cudepot.catalog.unmatched import find_each
from cudepot.catalog.yum_plan import USED
from cudepot.digest import Digest
from cudepot.formats.filelists import owners_of
from cudepot.formats.primary import Rpm, read_primary
from cudepot.formats.repomd import Record
from cudepot.workflows.known import Known
from cudepot.workflows.yum_chain import YumChain, YumRoot, opened

Resolved = tuple[LockedUpstream, tuple[Artifact, ...]]


def subset(chain: YumChain, root: YumRoot, locked: LockedUpstream, before: Sequence[Artifact]) -> Resolved:
    """Return the pinned packages with what they need, in the order of the upstream's list.

    Args:
        chain: the way to the upstream's metadata.
        root: its verified root.
        locked: what is noted of the upstream so far.
        before: what was locked of it before.

    Raises:
        PinError: a pin or a dependency cannot be had.
        TrustError, FormatError: a chosen package cannot be believed.
    """
    pins = chain.depot.pins_of(chain.upstream)
    rpms = _rpms(chain, root)
    machines = chain.upstream.architectures
    offer = Offer(rpms)
    read = find_each(lambda pin: rpm_pins(pin, machines, offer), pins)
    wanted = [(pin, one) for pin, several in zip(pins, read, strict=True) for one in several]
    selection, pin_of = _selected(chain, root, rpms, [one for _, one in wanted]), _pin_finder(wanted)
    order = {id(one): number for number, one in enumerate(rpms)}
    chosen = sorted(selection.chosen.values(), key=lambda one: order[id(one[0])])
    known = Known(chain.depot, chain.source, before)
    known.learn(chain.upstream.name, [(one.path, one.promised) for one, _ in chosen])
    artifacts = tuple(_artifact(chain.upstream.name, known, pin_of(rpm), rpm, why) for rpm, why in chosen)
    metadata = () if chain.upstream.whole else _metadata(chain, root)
    return replace(locked, external=tuple(sorted(selection.external)), metadata=metadata), artifacts


def _rpms(chain: YumChain, root: YumRoot) -> list[Rpm]:
    record = root.repomd.record("primary")
    assert record is not None, "a repomd.xml without primary was refused"
    digest, what = chain.fetch(root, record), chain.upstream.url + record.href
    with opened(chain.depot, digest, what, open_size=record.open_size) as text:
        return list(read_primary(text, what))


def _selected(chain: YumChain, root: YumRoot, rpms: Sequence[Rpm], pins: Sequence[RpmPin]) -> RpmSelection:
    upstream = chain.upstream
    machines = [Machine(one, rpms, pins, upstream.boundary) for one in upstream.architectures]
    unknown = {path for one in machines for path in one.unknown_paths()}
    record = root.repomd.record("filelists")
    if unknown and record is not None:
        digest, what = chain.fetch(root, record), upstream.url + record.href
        with opened(chain.depot, digest, what, open_size=record.open_size) as text:
            owners = owners_of(text, unknown, what)
        for one in machines:
            one.add_paths(owners)
    return select_rpms(machines)


def _metadata(chain: YumChain, root: YumRoot) -> tuple[LockedFile, ...]:
    """Return what the subset's metadata will be made from, by hash; it is fetched where nothing else tells that."""
    records = [one for types in USED for one in _first(root, types)]
    return tuple(LockedFile(one.href, one.type, _digest(chain, root, one)) for one in records)


def _first(root: YumRoot, types: Iterable[str]) -> list[Record]:
    found = [one for one in map(root.repomd.record, types) if one is not None]
    return found[:1]


def _digest(chain: YumChain, root: YumRoot, record: Record) -> Digest:
    return record.promised if isinstance(record.promised, Digest) else chain.fetch(root, record)


def _pin_finder(wanted: Sequence[tuple[Pin, RpmPin]]) -> Callable[[Rpm], Pin | None]:
    """Return what finds the pin that wants a package in its version, one with a recipe first."""
    by_name = Globs([one.name for _, one in wanted])

    def pin_of(rpm: Rpm) -> Pin | None:
        named = [wanted[at][0] for at in by_name.fitting(rpm.name) if wanted[at][1].means(rpm)]
        return next((pin for pin in named if pin.recipe), named[0] if named else None)

    return pin_of


def _artifact(upstream: str, known: Known, pin: Pin | None, rpm: Rpm, why: str) -> Artifact:
    path = rpm.path
    artifact = Artifact(
        upstream,
        "rpm",
        rpm.name,
        rpm.evr,
        rpm.architecture,
        path,
        path.rpartition("/")[2],
        known.digest(path, rpm.promised),
        why,
        pin.outputs if pin else ("mirror",),
    )
    return with_recipe(artifact, pin) if pin else artifact
