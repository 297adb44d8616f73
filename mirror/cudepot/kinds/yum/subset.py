"""The pinned part of a yum repository: verified metadata → chosen packages → artifacts, every one by sha256."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind, Output
from cudepot.catalog.faults import IndexMismatchError, IndexMissingError
from cudepot.catalog.lock import Artifact, LockedFile, LockedUpstream, Resolved
from cudepot.catalog.name_globs import Globs
from cudepot.catalog.nvidia.release_names import with_recipe
from cudepot.depot.learn_digests import Known
from cudepot.digest import CHUNK, Digest
from cudepot.errors import FormatError
from cudepot.formats.filelists import owners_of
from cudepot.formats.primary import Rpm, read_primary
from cudepot.formats.repomd import DOWNLOADED, Record
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.kinds.rules.unmatched import find_each
from cudepot.kinds.yum.chain import YumChain, YumRoot, opened
from cudepot.kinds.yum.metadata_check import check_modules
from cudepot.kinds.yum.rules.closure import add_unknown_paths, machines, select_rpms
from cudepot.kinds.yum.rules.pins import RpmPin, Rpms, rpm_pins
from cudepot.kinds.yum.rules.plan import NEEDED, USED
from cudepot.kinds.yum.rules.selection import RpmSelection
from cudepot.kinds.yum.twins import served


def subset(chain: YumChain, root: YumRoot, locked: LockedUpstream, before: Sequence[Artifact]) -> Resolved:
    """Return the pinned packages with what they need, in the order of the upstream's list.

    Args:
        chain: the way to the upstream's metadata.
        root: its verified root.
        locked: what is noted of the upstream so far.
        before: what was locked of it before.

    Raises:
        PinError: a pin or a dependency is not available.
        TrustError, FormatError: a chosen package cannot be believed.
    """
    pins = chain.depot.config.pins_of(chain.upstream)
    rpms = packages_of(chain, root)
    offer = Rpms(rpms)
    read = find_each(lambda pin: rpm_pins(pin, chain.upstream.architectures, offer), pins)
    wanted = [
        (pin, replace(one, entry=number))
        for number, (pin, several) in enumerate(zip(pins, read, strict=True))
        for one in several
    ]
    selection, pin_of = _selected(chain, root, rpms, [one for _, one in wanted]), _pin_finder(wanted)
    order = {id(one): number for number, one in enumerate(rpms)}
    chosen = sorted(served(chain, rpms, selection.chosen.values()), key=lambda one: order[id(one[0])])
    known = Known(chain.depot.store, chain.depot.progress, chain.source, before)
    known.learn(chain.upstream.name, [(one.place(chain.upstream.url), one.promised) for one, _ in chosen])
    artifacts = named_once(artifact_of(chain.upstream, known, pin_of(rpm), rpm, why) for rpm, why in chosen)
    metadata = () if chain.upstream.whole else metadata_of(chain, root)
    return replace(locked, external=tuple(sorted(selection.external)), metadata=metadata), artifacts


def packages_of(chain: YumChain, root: YumRoot) -> list[Rpm]:
    """Return all packages a repository lists, in its order."""
    record = root.repomd.record("primary")
    assert record is not None, "a repomd.xml without primary was refused"
    digest, what = chain.fetch(root, record), chain.upstream.url + record.href
    odd: list[FormatError] = []
    with opened(chain.depot.store, digest, what) as text:  # as a whole, as dnf reads it: createrepo_c sees entries only
        check_well_formed(iter(lambda: text.read(CHUNK), b""), what, "metadata")
    with opened(chain.depot.store, digest, what) as text:
        found = list(read_primary(text, what, odd.append))
    if odd:
        more = f" (and {len(odd) - 1} more)" if odd[1:] else ""
        chain.depot.progress.say(f"{chain.upstream.name}: left out: {odd[0]}{more}")
    return found


def _selected(chain: YumChain, root: YumRoot, rpms: Sequence[Rpm], pins: Sequence[RpmPin]) -> RpmSelection:
    upstream = chain.upstream
    every = machines(upstream.architectures, rpms, pins, upstream.boundary)
    add_unknown_paths(every, lambda paths: _owners(chain, root, paths))
    selection = select_rpms(every)
    chain.findings.complete = True
    chain.findings.found += [one.unsolvable(upstream.name) for one in selection.faults]
    chain.findings.notes += [f"{upstream.name}: {one}" for one in selection.notes]
    for need, others in sorted(selection.elsewhere.items()):
        told = ", ".join(sorted(others))
        chain.depot.progress.say(
            f"{upstream.name}: {need}, which the distribution must provide, is in the upstream for {told}: "
            "add it to `architectures`"
        )
    return selection


def _owners(chain: YumChain, root: YumRoot, paths: set[str]) -> dict[str, list[str]]:
    """Return which packages have these paths, by their checksums, as the full file lists tell where there are any."""
    record = root.repomd.record("filelists")
    if record is None:
        return {}
    digest, what = chain.fetch(root, record), chain.upstream.url + record.href
    with opened(chain.depot.store, digest, what) as text:
        return owners_of(text, paths, what)


def metadata_of(chain: YumChain, root: YumRoot) -> tuple[LockedFile, ...]:
    """Return what the subset's metadata will be made from, by hash; it is fetched where nothing else tells that."""
    root.repomd.check_usable(NEEDED)
    left_out = [f"{one.type}: {one.error}" for one in root.repomd.unusable if any(one.type in types for types in USED)]
    found: list[LockedFile] = []
    for one in (record for types in USED for record in _first(root, types)):
        try:
            digest = _digest(chain, root, one)
        except (IndexMissingError, IndexMismatchError) as error:
            if one.type in DOWNLOADED:
                raise
            left_out.append(f"{one.type}: {error}")
        else:
            found.append(LockedFile(one.href, one.type, digest))
            check_modules(chain, one, chain.fetch(root, one) if one.type == "modules" else digest)
    for told in left_out:
        chain.depot.progress.say(f"{chain.upstream.name}: left out: {told}")
    return tuple(found)


def _first(root: YumRoot, types: Iterable[str]) -> list[Record]:
    found = [one for one in map(root.repomd.record, types) if one is not None]
    return found[:1]


def _digest(chain: YumChain, root: YumRoot, record: Record) -> Digest:
    """Return the digest of a file; it is fetched where nothing else tells it, or dnf does not need it to be there."""
    known = isinstance(record.promised, Digest) and record.type in DOWNLOADED
    return record.promised if known and isinstance(record.promised, Digest) else chain.fetch(root, record)


def _pin_finder(wanted: Sequence[tuple[Pin, RpmPin]]) -> Callable[[Rpm], Pin | None]:
    """Return what finds the pin that wants a package in its version, one with a recipe first."""
    by_name = Globs([one.name for _, one in wanted])

    def pin_of(rpm: Rpm) -> Pin | None:
        named = [wanted[at][0] for at in by_name.fitting(rpm.name) if wanted[at][1].means(rpm)]
        return next((pin for pin in named if pin.recipe), named[0] if named else None)

    return pin_of


def named_once(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Give packages that are called the same, which are in several folders upstream, names that differ."""
    found = tuple(artifacts)
    digests: dict[str, set[Digest]] = {}
    for one in found:
        digests.setdefault(one.filename, set()).add(one.digest)
    return tuple(
        replace(one, filename=f"{one.digest.sha256[:16]}-{one.filename}") if len(digests[one.filename]) > 1 else one
        for one in found
    )


def artifact_of(upstream: Upstream, known: Known, pin: Pin | None, rpm: Rpm, why: str) -> Artifact:
    """Return what is locked of a package."""
    path = rpm.place(upstream.url)
    artifact = Artifact(
        upstream.name,
        ArtifactKind.RPM,
        rpm.name,
        rpm.evr,
        rpm.architecture,
        path,
        rpm.file_name,
        known.digest(path, rpm.promised),
        why,
        pin.outputs if pin else (Output.MIRROR,),
    )
    return with_recipe(artifact, pin) if pin else artifact
