"""Resolve pins against NVIDIA's redistrib manifests: manifest → archives by hash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from packaging.version import Version

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, LockedUpstream, Resolved, Root
from cudepot.catalog.nvidia.release_names import with_recipe
from cudepot.depot.depot import Depot
from cudepot.depot.partly import partly
from cudepot.depot.request import request_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.errors import CudepotError, FormatError, MissingError, PinError
from cudepot.formats.redistrib import Manifest, Redistributed, parse_redistrib
from cudepot.kinds.kind import Asking
from cudepot.kinds.redistrib.rules.manifests import choose, is_exact, listed, manifests, serving, wanted
from cudepot.kinds.unsigned_index import check_transport
from cudepot.ports import Progress, Source

_LIMIT = 4 << 20  # bytes; manifests have a few kilobytes, the folder's page some hundred


def resolve_redistrib(asking: Asking) -> Resolved:
    """Return what the pins of a redistrib folder mean now; ``before`` unchanged when its manifests are the same.

    Manifests are not signed: they are trusted as far as TLS goes, and from then on the lock holds the hashes. Their
    malformed entries are told and left out.

    Raises:
        UpstreamError: not reachable.
        TrustError: plain http.
        PinError: a pin matches nothing.
        PartlyLockedError: some pins match nothing; what the others resolved to is in it.
    """
    depot, upstream, before = asking.depot, asking.upstream, asking.before
    check_transport(upstream)
    reader = _Reader(depot.progress, RootMemory.load(depot.store, upstream), upstream, depot.source(upstream))
    pins = depot.config.pins_of(upstream)
    artifacts: dict[str, Artifact] = {}
    errors: dict[str, CudepotError] = {}
    for pin, spec in ((one, spec) for one in pins for spec in one.packages):
        try:
            for one in reader.archives(pin, spec):
                artifacts.setdefault(one.filename, _artifact(upstream, pin, one))
        except (PinError, MissingError, FormatError) as error:
            errors[spec] = error
    reader.memory.save()
    roots = tuple(root for _, root in sorted(reader.roots.items()))
    locked = LockedUpstream(upstream.name, upstream.type, upstream.url, request_hash(upstream, pins), roots)
    if before and before[0] == locked and not errors:
        return before
    return partly(locked, tuple(artifacts.values()), errors, before[1] if before else ())


def newest_archives(depot: Depot, upstream: Upstream, oldest: Version | None) -> Iterator[tuple[str, Redistributed]]:
    """Give the archives pins may mean, with conda's platform: those since ``oldest``; without it the newest release's.

    Raises:
        UpstreamError: not reachable.
        TrustError: plain http.
    """
    check_transport(upstream)
    reader = _Reader(depot.progress, RootMemory.load(depot.store, upstream), upstream, depot.source(upstream))
    for version, manifest in reader.newest_first():
        for pin in depot.config.pins_of(upstream):
            for component in dict.fromkeys(wanted(spec)[0] for spec in pin.packages):
                for subdir in pin.subdirs:
                    yield from ((subdir, one) for one in serving(pin, component, subdir, manifest.files))
        if oldest is None or version <= oldest:
            return


class _Reader:
    """Reads manifests once each, and notes them as roots."""

    def __init__(self, progress: Progress, memory: RootMemory, upstream: Upstream, source: Source) -> None:
        self._progress, self._upstream, self._source = progress, upstream, source
        self.memory = memory
        self.roots: dict[str, Root] = {}
        self._read: dict[str, Manifest] = {}

    def archives(self, pin: Pin, spec: str) -> tuple[Redistributed, ...]:
        """Return the archives an entry of ``packages`` means; of a glob all that fit, of a name the newest."""
        component, version = wanted(spec)
        found: list[Redistributed] = []
        for manifest in self._manifests(version):
            found += choose(pin, component, version, manifest.files)
            if found and not version:
                break
        if not found:
            raise PinError(f"pin {spec!r} matches no manifest at {self._upstream.url}", hint="see `cudepot catalog`")
        return tuple(found)

    def _manifests(self, version: str) -> Iterator[Manifest]:
        if is_exact(version):
            yield self._exact(version)
            return
        for _, manifest in self._named(version):
            yield manifest

    def newest_first(self) -> Iterator[tuple[Version, Manifest]]:
        """Give the manifests there are with the versions that name them, newest first, each read when asked for."""
        return ((Version(name), manifest) for name, manifest in self._named(""))

    def _named(self, version: str) -> Iterator[tuple[str, Manifest]]:
        page = self._source.read("", limit=_LIMIT)
        names = listed(page.body.decode("utf-8", "replace")) if page else {}
        for one in manifests(version, names):
            yield one, self._manifest(names[one])

    def _exact(self, version: str) -> Manifest:
        """Read the manifest of one release: named by three parts, or by four where that is the only one."""
        short = ".".join(version.split(".")[:3])
        try:
            return self._manifest(f"redistrib_{short}.json")
        except MissingError:
            if short == version:
                raise
            return self._manifest(f"redistrib_{version}.json")

    def _manifest(self, name: str) -> Manifest:
        if name not in self._read:
            page, digest = self.memory.read(self._source, name, limit=_LIMIT)
            self._read[name] = parse_redistrib(page.body, what=f"{self._upstream.url}{name}")
            self.roots[name] = Root(name, digest)
            for fault in self._read[name].faults:
                self._progress.say(f"{self._upstream.name}: {name}: left out: {fault}")
        return self._read[name]


def _artifact(upstream: Upstream, pin: Pin, one: Redistributed) -> Artifact:
    artifact = Artifact(
        upstream.name,
        ArtifactKind.ARCHIVE,
        one.component,
        one.version,
        one.platform,
        one.path,
        one.filename,
        one.digest,
        outputs=pin.outputs,
    )
    found = with_recipe(artifact, pin)
    if found.release is None:
        return found
    return replace(found, release=replace(found.release, cuda=found.release.cuda if one.cuda else ""))
