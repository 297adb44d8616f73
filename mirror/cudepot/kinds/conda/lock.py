"""Resolve pins against a conda channel: index → records → packages by hash, each with its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cudepot.catalog.config.config import Pin
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Attested, LockedUpstream, Resolved
from cudepot.catalog.name_globs import fits
from cudepot.depot.depot import Depot
from cudepot.depot.partly import partly
from cudepot.depot.request import request_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest, Hasher, hasher
from cudepot.errors import CudepotError, PinError, StorageError, TrustError
from cudepot.formats.conda_record import REVISION, Package, name_of, record_text
from cudepot.formats.conda_subdir import Subdir
from cudepot.kinds.conda.channel_reader import NOARCH, ChannelReader
from cudepot.kinds.conda.how_much import check_size
from cudepot.kinds.conda.rules.settings import pins_of
from cudepot.kinds.kind import Asking
from cudepot.kinds.unsigned_index import check_transport
from cudepot.urls import is_unprotected

if TYPE_CHECKING:
    from cudepot.kinds.conda.select import Chosen, Want

_NAMES = 4000
"""Names read at a time: of each, indexes have a few dozen records."""


def resolve_channel(asking: Asking) -> Resolved:
    """Return what the pins of a channel mean now; ``before`` unchanged when its indexes are the same.

    A channel is not signed: its index is trusted as far as TLS goes, its shards as far as the index names them, and
    from then on the lock holds hashes and records.

    Raises:
        UpstreamError: not reachable.
        TrustError: plain http, or a shard that is not the one its index names.
        FormatError: an index is damaged.
        PinError: no pin matches anything.
        PartlyLockedError: some pins match nothing; what the others resolved to is in it.
    """
    depot, upstream, before = asking.depot, asking.upstream, asking.before
    check_transport(upstream)
    pinned = depot.config.pins_of(upstream)
    pins = pins_of(upstream, pinned)
    reader = ChannelReader(
        upstream,
        depot.source(upstream),
        RootMemory.load(depot.store, upstream),
        before[0].roots if before else (),
        asking.rollback,
    )
    reader.find(_subdirs(pins))
    request = request_hash(upstream, pinned)
    locked = LockedUpstream(upstream.name, upstream.type, upstream.url, request, tuple(reader.roots.values()))
    if before and replace(before[0], removed=()) == locked:
        reader.memory.save()
        return before
    artifacts, errors, odd, removed = _resolved(depot, reader, pins)
    locked = replace(locked, removed=removed if upstream.whole else ())
    reader.forget()
    reader.save()
    for line in odd:
        depot.progress.say(f"{upstream.name}: left out: {line}")
    if note := note_of(artifacts):
        depot.progress.say(f"{upstream.name}: {note}")
    if errors:  # with other roots than there are, so that pins are looked at again where the channel stays as it is
        known = before[0].roots if before else ()
        locked = replace(locked, roots=() if known == locked.roots else known)
    return partly(locked, artifacts, errors, before[1] if before else (), _is_of)


def _is_of(text: str, one: Artifact) -> bool:
    """Return whether something was locked for an entry of a pin."""
    from cudepot.kinds.conda.select import glob_in, name_in  # noqa: PLC0415 - where something failed

    glob = glob_in(text)
    return fits(one.name, glob) if glob else one.name == name_in(text)


def _subdirs(pins: Sequence[Pin]) -> list[str]:
    return [*dict.fromkeys(subdir for pin in pins for subdir in pin.subdirs), NOARCH]


def _resolved(
    depot: Depot, reader: ChannelReader, pins: Sequence[Pin]
) -> tuple[tuple[Artifact, ...], dict[str, CudepotError], list[str], tuple[str, ...]]:
    """Return the artifacts, by entry why there is none, what was left out of the indexes, and what they took out."""
    from cudepot.kinds.conda.select import wanted  # noqa: PLC0415 - loads the solver's library

    found = _found(reader, wanted(pins, reader.names))
    packages = {place: one.package for place, one in found.packages.items()}
    check_size(depot, reader.upstream, list(packages.values()), said=_stands_for_many(pins))
    exports = run_exports_of(reader, packages, found.subdirs)
    artifacts: list[Artifact] = []
    for place, one in found.packages.items():
        try:
            made = artifact_of(depot, reader, found.subdirs[one.subdir], one.package, exports.get(place))
            artifacts.append(replace(made, outputs=one.want.pin.outputs))
        except StorageError:
            raise
        except CudepotError as error:
            found.errors[one.want.text] = error
    odd = [line for subdir in found.subdirs.values() for line in subdir.odd]
    return tuple(artifacts), found.errors, odd, tuple(sorted(found.removed))


def _stands_for_many(pins: Sequence[Pin]) -> bool:
    """Return whether nobody can tell from the pins how much they mean."""
    from cudepot.kinds.conda.select import glob_in  # noqa: PLC0415

    return any(pin.keep != 1 or glob_in(text) for pin in pins for text in pin.packages)


@dataclass(slots=True)
class _Found:
    """What pins mean.

    Attributes:
        packages: by subdir and file name, each once.
        met: entries that mean something.
        errors: by entry why it means nothing.
        subdirs: those that were read; without packages.
        removed: ``SUBDIR/FILE`` of what was taken out of the index.
    """

    packages: dict[tuple[str, str], Chosen] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    errors: dict[str, CudepotError] = field(default_factory=dict)
    subdirs: dict[str, Subdir] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def take(self, wants: Iterable[Want], read: Mapping[str, Subdir]) -> None:
        """Take in what wants mean, of what was read."""
        from cudepot.kinds.conda.select import by_name, chosen  # noqa: PLC0415

        named = {name: by_name(one) for name, one in read.items()}
        nothing: dict[str, Subdir] = {name: replace(one, packages=[]) for name, one in read.items()}
        for want in wants:
            there = {name: each.get(want.name, nothing[name]) for name, each in named.items()}
            try:
                those = chosen(want, there)
            except PinError as error:
                self.errors[want.text] = error
                continue
            self.met |= {want.text for _ in those}
            for one in those:
                self.packages.setdefault((one.subdir, one.package.filename), one)

    def note(self, read: Mapping[str, Subdir]) -> None:
        """Note what is odd about subdirs."""
        for name, one in read.items():
            known = self.subdirs.setdefault(name, replace(one, packages=[]))
            known.odd = list(dict.fromkeys([*known.odd, *one.odd]))
            names = {each.name for each in one.packages}
            self.removed |= {f"{name}/{each}" for each in one.removed if name_of(each) in names}


def _found(reader: ChannelReader, wants: Sequence[Want]) -> _Found:
    """Return what pins mean, some names at a time: a large channel is never in memory as a whole."""
    from cudepot.kinds.conda.select import leave_out_unreadable  # noqa: PLC0415

    found = _Found()
    names = sorted({one.name for one in wants})
    for start in range(0, len(names), _NAMES):
        some = set(names[start : start + _NAMES])
        read = reader.read(some - {""})
        for one in read.values():
            leave_out_unreadable(one)
        found.note(read)
        found.take([one for one in wants if one.name in some], read)
        if len(names) > _NAMES:
            reader.drop()
    for text in {one.text: one for one in wants if one.is_one_of_many}.keys() - found.met:
        found.errors[text] = PinError(
            f"pin {text!r} matches no package of the channel for these platforms",
            hint="check the spelling; `*` matches any part of a name",
        )
    return found


def note_of(artifacts: Iterable[Artifact]) -> str:
    """Return what is to be said of packages that older clients do not see; empty where there is none."""
    newer = [one.filename for one in artifacts if f'"{REVISION}":' in one.record]
    more = f" and {len(newer) - 1} more" if len(newer) > 1 else ""
    return f"visible only to clients that read revision v3 of the index (CEP 48): {newer[0]}{more}" if newer else ""


def run_exports_of(
    reader: ChannelReader, found: Mapping[tuple[str, str], Package], subdirs: Mapping[str, Subdir]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return what is told beside the indexes of packages, by subdir and file name, of which they do not tell it.

    What of that cannot be read is noted as odd about its subdir.
    """
    wanted: dict[str, set[str]] = {}
    for (subdir, filename), one in found.items():
        if one.run_exports is None:
            wanted.setdefault(subdir, set()).add(filename)
    told = {subdir: reader.run_exports(subdir, names) for subdir, names in wanted.items()}
    for subdir, there in told.items():
        subdirs[subdir].odd += [one.odd for one in there.values() if one.odd]
    every = [(subdir, one) for subdir, there in told.items() for one in there.values()]
    return {(subdir, one.filename): one.exports for subdir, one in every if one.exports is not None}


def artifact_of(
    depot: Depot, reader: ChannelReader, subdir: Subdir, package: Package, exports: Mapping[str, Any] | None
) -> Artifact:
    """Return what is locked of a package.

    Args:
        depot: the depot.
        reader: of its channel.
        subdir: it is in.
        package: as the index has it.
        exports: what is told of its run_exports elsewhere.

    Raises:
        UpstreamError: it has to be fetched, and is not available.
        TrustError: it is not what its record says.
    """
    path = reader.place(subdir, package.filename)
    told = package.run_exports if package.run_exports is not None else exports
    attested = package.record.get("attestations_sha256")
    more = {"run_exports": told, REVISION: package.revision or None}
    record = {**package.record, **{key: value for key, value in more.items() if value is not None}}
    return Artifact(
        reader.upstream.name,
        ArtifactKind.CONDA,
        package.name,
        f"{package.version}-{package.build}",
        subdir.subdir,
        path,
        f"{subdir.subdir}/{package.filename}",
        package.digest or _learnt(depot, reader, path, package),
        record=record_text(record),
        provenance=Attested(f"{path}.sigs.{attested}", reader.sidecar(path, attested)) if attested else None,
    )


def _learnt(depot: Depot, reader: ChannelReader, path: str, package: Package) -> Digest:
    """Return what a package is of which the channel gives no sha256: it is fetched, and held to what else is told."""
    url, told = f"{reader.upstream.url}{path}", package.record
    if is_unprotected(url):
        raise TrustError(f"{url}: no sha256, and plain http", hint="use a channel that gives a sha256, or https")
    depot.progress.say(f"{package.filename}: fetched to compute its sha256, which the channel does not give")
    md5 = hasher("md5")
    with reader.source.stream(path, 0) as (_, chunks):
        found = depot.store.add(_counted(chunks, md5))
    promised = {"md5": told.get("md5"), "size": told.get("size"), "sha256": told.get("sha256")}
    served = {"md5": md5.hexdigest(), "size": found.size, "sha256": found.sha256}
    if any(value is not None and value != served[key] for key, value in promised.items()):
        raise TrustError(f"{url}: is not the file the channel describes", hint="run the command again")
    return found


def _counted(chunks: Iterator[bytes], md5: Hasher) -> Iterator[bytes]:
    for chunk in chunks:
        md5.update(chunk)
        yield chunk
