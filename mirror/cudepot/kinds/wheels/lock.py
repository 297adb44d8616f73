"""Resolve pins against a Python package index: project page → wheels by hash."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from packaging.requirements import Requirement

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.pinned_hashes import pinned_hashes
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Artifact, LockedUpstream, Resolved, Root
from cudepot.catalog.nvidia.release_names import with_recipe
from cudepot.depot.depot import SourceOf
from cudepot.depot.fetch import in_threads
from cudepot.depot.partly import partly
from cudepot.depot.request import request_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.errors import CudepotError, MissingError, PinError, StorageError
from cudepot.formats.simple import JSON_TYPE, IndexFile, parse_page, project_name
from cudepot.kinds.kind import Asking
from cudepot.kinds.rules.other_spelling import as_wheel, spelled_out
from cudepot.kinds.unsigned_index import check_transport
from cudepot.kinds.wheels.artifact import wheel_artifact
from cudepot.kinds.wheels.hashes import Hashes
from cudepot.kinds.wheels.provenance import names_provenance
from cudepot.kinds.wheels.rules.names import called_now
from cudepot.kinds.wheels.rules.select import Project, Wheel, parse_requirement
from cudepot.ports import Page, Progress

PAGE_LIMIT = 32 << 20  # bytes; the largest pages of the public index are about 10 MB
_WORKERS = 16  # pages, and sizes or hashes to learn, at a time


class Want(NamedTuple):
    """One entry of a pin's ``packages``, as it is written there and read."""

    pin: Pin
    spec: str
    requirement: Requirement

    @property
    def project(self) -> str:
        """The normalised name of the project."""
        return project_name(self.requirement.name)


class _Chosen(NamedTuple):
    want: Want
    wheel: Wheel


def resolve_simple(asking: Asking) -> Resolved:
    """Return what the pins of a wheel index mean now; ``before`` unchanged when its pages are the same.

    A wheel index is not signed: its pages are trusted as far as TLS goes, and from then on the lock holds the
    hashes. Plain http is refused except on this machine.

    Raises:
        UpstreamError: not reachable.
        TrustError: plain http, or a page that contradicts itself.
        PinError: a pin matches nothing.
        PartlyLockedError: some projects cannot be locked; what the others resolved to is in it.
    """
    depot, upstream, before = asking.depot, asking.upstream, asking.before
    check_transport(upstream)
    source, wants = depot.source(upstream), wanted(depot.config.pins_of(upstream))
    memory = RootMemory.load(depot.store, upstream)
    pages, errors = read_pages(depot.source, upstream, memory, wants)
    memory.save()
    roots = tuple(Root(path, memory.asked[path][1]) for path in pages)
    locked = LockedUpstream(
        upstream.name, upstream.type, upstream.url, request_hash(upstream, depot.config.pins_of(upstream)), roots
    )
    if before and before[0] == locked and not errors and _answers(before[1], wants, pages.values()):
        return before
    kept = before[1] if before else ()
    chosen, unmet = _chosen(depot.progress, upstream, wants, pages)
    hashes = Hashes(depot.store, depot.progress, source, pinned_hashes(depot.config.pins_of(upstream)), kept)
    artifacts, failed = _artifacts(depot.progress, upstream, hashes, chosen)
    return partly(locked, artifacts, {**errors, **unmet, **failed}, kept)


def wanted(pins: Sequence[Pin]) -> list[Want]:
    """Return what the pins of a wheel index want; raise ConfigError where an entry is no requirement."""
    return [Want(pin, text, parse_requirement(text)) for pin in pins for text in pin.packages]


def read_pages(
    source: SourceOf, upstream: Upstream, memory: RootMemory, wants: Sequence[Want]
) -> tuple[dict[str, Page], dict[str, CudepotError]]:
    """Ask for the page of every project, several at once; return them by path, and by entry what went wrong.

    Raises:
        StorageError: the disk refuses.
    """
    opened = source(upstream)

    def read(path: str, stop: threading.Event) -> None:  # noqa: ARG001
        memory.read(opened, path, limit=PAGE_LIMIT)

    paths = list(dict.fromkeys(_path(one) for one in wants))
    failed = in_threads(paths, read, _WORKERS)
    for path, error in failed:
        if isinstance(error, StorageError):
            raise error
        if isinstance(error, MissingError):
            error.hint = _no_project(path, next(one.spec for one in wants if _path(one) == path))
    broken = dict(failed)
    errors = {one.spec: broken[_path(one)] for one in wants if _path(one) in broken}
    return {path: memory.asked[path][0] for path in paths if path in memory.asked}, errors


def _no_project(path: str, spec: str) -> str:
    """Return the hint for an entry whose project the index does not have."""
    if now := called_now(path.rstrip("/")):
        return now
    meant = as_wheel(spec)
    other = [meant] if meant and not meant.startswith(path.rstrip("/")) else []
    return spelled_out(other) or "the index has no project of that name: check the spelling"


def projects_of(
    upstream: Upstream, wants: Sequence[Want], pages: Mapping[str, Page]
) -> tuple[dict[str, Project], dict[str, CudepotError]]:
    """Parse each page once; return the projects by name, and by entry which pages cannot be read."""
    found: dict[str, Project] = {}
    broken: dict[str, CudepotError] = {}
    for one in wants:
        page = pages.get(_path(one))
        if page is None or one.project in found or one.project in broken:
            continue
        url = page.url or f"{upstream.url}{_path(one)}"
        try:
            found[one.project] = Project(one.project, parse_page(page.body, page.content_type, url))
        except CudepotError as error:
            broken[one.project] = error
    return found, {one.spec: broken[one.project] for one in wants if one.project in broken}


def _path(one: Want) -> str:
    return f"{one.project}/"


def _answers(artifacts: Sequence[Artifact], wants: Sequence[Want], pages: Iterable[Page]) -> bool:
    """Return whether the lock has what every requirement means, with what newer cudepots note of it."""
    pages = list(pages)
    if any(one.content_type == JSON_TYPE for one in pages) and not any(one.uploaded for one in artifacts):
        return False
    if names_provenance(one.body for one in pages) and not any(one.provenance for one in artifacts):
        return False
    files: dict[str, list[IndexFile]] = {one.project: [] for one in wants}
    for artifact in artifacts:
        files.setdefault(artifact.name, []).append(IndexFile(artifact.filename, "", artifact.digest.sha256))
    there = {name: Project(name, found) for name, found in files.items()}
    try:
        return all(there[one.project].select(one.requirement, one.pin.subdirs) for one in wants)
    except PinError:
        return False


def _chosen(
    progress: Progress, upstream: Upstream, wants: Sequence[Want], pages: Mapping[str, Page]
) -> tuple[list[_Chosen], dict[str, CudepotError]]:
    """Return the wheels that are meant, each once, and by entry why there is none."""
    projects, errors = projects_of(upstream, wants, pages)
    found: dict[str, _Chosen] = {}
    for one in wants:
        if one.project not in projects:
            continue
        try:
            wheels = projects[one.project].select(one.requirement, one.pin.subdirs)
        except CudepotError as error:
            errors[one.spec] = error
            continue
        newest = next(projects[one.project].versions(one.requirement))
        if wheels and wheels[0].version != newest:
            platforms = ", ".join(one.pin.subdirs)
            progress.say(f"{one.project} {newest} does not have wheels for all of {platforms}: {wheels[0].version} has")
        for wheel in wheels:
            found.setdefault(wheel.file.filename, _Chosen(one, wheel))
    return list(found.values()), errors


def _artifacts(
    progress: Progress, upstream: Upstream, hashes: Hashes, chosen: Sequence[_Chosen]
) -> tuple[tuple[Artifact, ...], dict[str, CudepotError]]:
    """Return what is locked, sizes and hashes that the page lacks learnt, several at once."""
    found: dict[str, Artifact] = {}

    def make(one: _Chosen, stop: threading.Event) -> None:
        found[one.wheel.file.filename] = _artifact(upstream, one, hashes, stop)

    failed = in_threads(list(chosen), make, _WORKERS)
    for _, error in failed:
        if isinstance(error, StorageError):
            raise error
    for one in chosen:
        if one.wheel.file.yanked and one.wheel.file.filename in found:
            reason = one.wheel.file.reason or "no reason given"
            progress.say(f"{one.wheel.file.filename}: withdrawn by its upstream (yanked): {reason}")
    names = [one.wheel.file.filename for one in chosen]
    return tuple(found[one] for one in names if one in found), {one.want.spec: error for one, error in failed}


def _artifact(upstream: Upstream, one: _Chosen, hashes: Hashes, stop: threading.Event) -> Artifact:
    found = wheel_artifact(upstream, one.want.project, one.wheel, hashes, stop)
    return with_recipe(replace(found, outputs=one.want.pin.outputs), one.want.pin)
